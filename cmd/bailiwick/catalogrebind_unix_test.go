//go:build unix

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// storeIn starts a server over place, uploads contents, stops it, and returns the IDs.
func storeIn(t *testing.T, place uploadPlace, contents ...string) (ids []string) {
	t.Helper()
	p := place.serve(t)
	for _, content := range contents {
		files, status, err := post(p.url, strings.NewReader(content), "Content-Disposition", "attachment; filename=f")
		if err != nil || status != 201 {
			t.Fatalf("POST: %d %v", status, err)
		}
		ids = append(ids, files[0].ID)
	}
	p.stop()
	return ids
}

func wantStatus(t *testing.T, p *process, want int, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if status, _ := get(t, p.url+"/"+id); status != want {
			t.Errorf("GET of an upload: %d, want %d", status, want)
		}
	}
}

// TestSourceMoved moves a source. Its uploads are unavailable at the new location until
// an operator runs catalog rebind, which the start and the commands suggest.
func TestSourceMoved(t *testing.T) {
	place := uploadPlaces(t, "disk")
	ids := storeIn(t, place, "one", "two", "three")
	old, moved := place.dir, place
	moved.dir = filepath.Join(t.TempDir(), "moved here")
	moved.source = moved.dir
	if err := os.Rename(old, moved.dir); err != nil {
		t.Fatal(err)
	}
	rebind := "bailiwick catalog rebind " + cli.ShellWord(moved.dir) + " --from " + old + " --catalog …"
	p := moved.serve(t)
	p.await(regexp.MustCompile(regexp.QuoteMeta("only of " + old + "; if that source was moved here: " + rebind)))
	wantStatus(t, p, 404, ids...)
	p.stop()
	if code, _, said := runCommand(t, "catalog", "sweep", moved.dir, "--catalog", place.catalog); code != cli.ExitDone || !strings.Contains(said, rebind) {
		t.Errorf("sweep: exit %d, %s", code, said)
	}
	// A check changes nothing and reports which uploads it compares.
	code, stdout, said := runCommand(t, "catalog", "check", moved.dir, "--catalog", place.catalog, "--deep")
	if code != cli.ExitDone || !strings.Contains(said, "has the uploads of "+old) || !strings.Contains(said, "3 uploads") {
		t.Errorf("check: exit %d, %s%s", code, stdout, said)
	}

	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--from", "/srv/other"}, cli.ExitUsage, "it has uploads of " + old},
		{[]string{"--from", moved.dir}, cli.ExitUsage, "it has uploads of " + old},
		{nil, cli.ExitDone, "0 uploads belong"},
		{[]string{"--from", old}, cli.ExitFailed, "2 uploads belong to " + moved.dir},
		{[]string{"--from", old}, cli.ExitFailed, "has no object of their size: 1; --all rebinds them, too"},
		{[]string{"--from", old, "--all"}, cli.ExitDone, "1 upload belong"},
		{[]string{"--from", old}, cli.ExitUsage, "has no uploads of"},
		{[]string{"--from", moved.dir}, cli.ExitUsage, "is the SOURCE itself"},
	} {
		if strings.HasPrefix(tt.says, "2 uploads") {
			if err := os.Remove(filepath.Join(moved.dir, ids[2])); err != nil {
				t.Fatal(err)
			}
		}
		code, _, said := runCommand(t, append([]string{"catalog", "rebind", moved.dir, "--catalog", place.catalog}, tt.args...)...)
		if code != tt.code || !strings.Contains(said, tt.says) {
			t.Errorf("rebind %v: exit %d, %s; want %d and %q", tt.args, code, said, tt.code, tt.says)
		}
	}
	if code, stdout, _ := runCommand(t, "catalog", "check", moved.dir, "--catalog", place.catalog); code != cli.ExitFailed || !strings.HasPrefix(stdout, "object.missing\t"+ids[2]) {
		t.Errorf("check of a source without an object: exit %d, %s", code, stdout)
	}
	p = moved.serve(t)
	wantStatus(t, p, 200, ids[:2]...)
	for _, line := range p.said() {
		if strings.HasPrefix(line, "catalog:") {
			t.Errorf("the start prints %s", line)
		}
	}
	p.stop()
}

// TestUnboundUploads has a catalog of a version that did not record sources, with uploads
// in two. Each start binds the uploads whose objects are in its own source.
func TestUnboundUploads(t *testing.T) {
	one := uploadPlaces(t, "disk")
	two := one
	two.dir = t.TempDir()
	two.source = two.dir
	inOne, inTwo := storeIn(t, one, "one", "and another"), storeIn(t, two, "two")
	runSQLite(t, strings.TrimPrefix(one.catalog, "sqlite:"), "UPDATE objects SET source = ''")

	if code, _, said := runCommand(t, "catalog", "check", one.source, "--catalog", one.catalog); code != cli.ExitUsage || !strings.Contains(said, "bailiwick catalog rebind "+one.dir) {
		t.Errorf("check before any start: exit %d, %s", code, said)
	}
	p := one.serve(t)
	p.await(regexp.MustCompile(`^catalog: assigned 2 uploads of an earlier version, .* to ` + regexp.QuoteMeta(one.dir)))
	p.await(regexp.MustCompile(`^catalog: no source is recorded for 1 upload of an earlier version`))
	wantStatus(t, p, 200, inOne...)
	wantStatus(t, p, 404, inTwo...)
	p.stop()
	p = two.serve(t)
	p.await(regexp.MustCompile(`^catalog: assigned 1 upload of an earlier version, .* to ` + regexp.QuoteMeta(two.dir)))
	wantStatus(t, p, 200, inTwo...)
	wantStatus(t, p, 404, inOne...)
	p.stop()
	for _, place := range []uploadPlace{one, two} {
		if code, said := place.check(t); code != cli.ExitDone {
			t.Errorf("check: exit %d, %s", code, said)
		}
	}
	if n := runSQLite(t, strings.TrimPrefix(one.catalog, "sqlite:"), "SELECT count(*) FROM objects WHERE source = ''"); n != "0\n" {
		t.Errorf("%s rows have no source", n)
	}
}
