package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

// The PostgreSQL driver reads its key and certificates each time a catalog is opened, also at a
// reload, in the sandbox and after they were replaced by a rename. No mount serves them.
func TestConfinePostgresFiles(t *testing.T) {
	server := pgserver.Start(t)
	for _, by := range []string{"address", "variables", "service"} {
		t.Run(by, func(t *testing.T) {
			dir := tree(t, map[string]string{"srv/page.txt": "page", "etc/x": "", "up/x": "", "tmp/x": "", "home/x": ""})
			pg := filepath.Join(dir, "srv", "pg")
			renew := func() {
				t.Helper()
				issue(t, nil, "client").save(t, dir, "new")
				if err := os.MkdirAll(pg, 0o700); err != nil {
					t.Fatal(err)
				}
				for _, suffix := range []string{".pem", ".key"} {
					if err := os.Rename(filepath.Join(dir, "new"+suffix), filepath.Join(pg, "client"+suffix)); err != nil {
						t.Fatal(err)
					}
				}
			}
			renew()
			write(t, filepath.Join(pg, "pass.txt"), "*:*:*:*:unused\n")
			// A connection without TLS comes first, but all files are read before it.
			address := strings.Replace(server.Database(t), "sslmode=disable", "sslmode=allow", 1)
			key, cert, pass := filepath.Join(pg, "client.key"), filepath.Join(pg, "client.pem"), filepath.Join(pg, "pass.txt")
			env := []string{"HOME=" + filepath.Join(dir, "home")}
			names := []string{"client.key", "client.pem", "pass.txt"}
			switch by {
			case "address":
				address += "&sslkey=" + key + "&sslcert=" + cert + "&sslrootcert=" + cert + "&passfile=" + pass
			case "variables":
				env = append(env, "PGSSLKEY="+key, "PGSSLCERT="+cert, "PGSSLROOTCERT="+cert, "PGPASSFILE="+pass)
			case "service":
				write(t, filepath.Join(pg, "services.txt"), fmt.Sprintf("[s]\nsslkey=%s\nsslcert=%s\nsslrootcert=%s\npassfile=%s\n", key, cert, cert, pass))
				env = append(env, "PGSERVICE=s", "PGSERVICEFILE="+filepath.Join(pg, "services.txt"))
				names = append(names, "services.txt")
			}
			rotate := func(to string) {
				t.Helper()
				write(t, filepath.Join(dir, "etc", "catalog"), address+"&application_name="+to+"\n")
			}
			rotate("first")
			const uploads = "  - {path: /up, source: ../up, uploads: {catalog_file: catalog}}\n"
			// The rules allow the names, and the sandbox the files.
			writeConfig(t, filepath.Join(dir, "etc"), "mounts:\n  - {path: /, source: ../srv, allow: ['**/*.key', '**/*.pem', '**/*.txt'], list: true}\n"+uploads)
			p := confined(t, "bailiwick", dir, env...)
			if got := status(t, http.MethodGet, p.url+"/page.txt"); got != http.StatusOK {
				t.Errorf("a page: %d", got)
			}
			unserved := func() {
				t.Helper()
				for _, name := range names {
					if got := status(t, http.MethodGet, p.url+"/pg/"+name); got != http.StatusNotFound {
						t.Errorf("%s: %d", name, got)
					}
				}
			}
			unserved()
			renew()
			unserved()
			reopen := func(to string) {
				t.Helper()
				rotate(to)
				p.signal(syscall.SIGHUP)
				if line := p.await(regexp.MustCompile(`^reload.*`)); !strings.HasPrefix(line, "reloaded: ") {
					t.Error(line)
				}
			}
			reopen("second")
			unserved()

			// Without a mount that has the files, the sandbox still does.
			p.stop()
			writeConfig(t, filepath.Join(dir, "etc"), "mounts:\n"+uploads)
			p = confined(t, "bailiwick", dir, env...)
			renew()
			reopen("third")
			p.stop()
		})
	}
}
