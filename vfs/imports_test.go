package vfs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bailiwick-fs/bailiwick"

// A goPackage holds what the import rule needs to know about a package: its own
// imports, and its transitive ones. Imports of tests do not count.
type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

// An importRule says what packages below from must not import, and why.
type importRule struct {
	from   string // path in the module; includes the packages below it
	direct bool   // check only the package's own imports
	breach func(from, to string, standard bool) bool
	reason string
}

// importRules implements "Imports run one way" of .github/DESIGN.md, section 2. Paths
// of packages in the module are relative to it.
var importRules = []importRule{
	{
		from: "vfs",
		breach: func(from, to string, standard bool) bool {
			switch {
			case standard, below(to, "vfs"), below(to, "golang.org/x/text"), below(to, "github.com/bmatcuk/doublestar/v4"):
				return false
			case below(to, "github.com/google/go-cmp"):
				return from != "vfs/vfstest"
			}
			return true
		},
		reason: "vfs decides what is served; to review it, nobody should have to read more than the standard library, x/text and doublestar (vfstest may compare with go-cmp)",
	},
	{
		from:   "server",
		breach: func(_, to string, _ bool) bool { return below(to, "backends") },
		reason: "the HTTP layer accesses objects only through vfs.Jail, so that all backends behave alike over HTTP",
	},
	{
		from:   "backends",
		breach: func(_, to string, _ bool) bool { return below(to, "server") },
		reason: "a backend stores objects and knows nothing of HTTP",
	},
	{
		from: "backends",
		breach: func(from, to string, _ bool) bool {
			if from == "backends" || !below(to, "backends") || below(to, "backends/internal") {
				return false
			}
			a, b := backendOf(from), backendOf(to)
			return a != b && (a != "mem" || b != "aferofs")
		},
		reason: "a backend must not import another one (except that mem may use aferofs, and shared code is in backends/internal), so that each can be read, tested and omitted on its own",
	},
	{
		from:   "backends/layer",
		direct: true,
		breach: func(_, to string, standard bool) bool {
			// The cache also needs the system's calls, for its files.
			return !standard && to != "vfs" && to != "vfs/driver" && to != "vfs/reason" && to != "vfs/ownfile" && !below(to, "golang.org/x")
		},
		reason: "a layer works over any backend, so it imports only the contract: vfs, vfs/driver and vfs/reason",
	},
	{
		from: "",
		breach: func(from, to string, _ bool) bool {
			return below(to, "github.com/aws") && from != "backends" && !below(from, "backends/s3") && !below(from, "cmd") && !below(from, "testdata")
		},
		reason: "the AWS SDK is large and has pitfalls: programs that use neither S3 nor backends.Open must not depend on it",
	},
	{
		from: "",
		breach: func(from, to string, _ bool) bool {
			return below(to, "github.com/aws/aws-sdk-go-v2/config") && from != "backends" && !below(from, "cmd")
		},
		reason: "the SDK's configuration reads variables, files and the network: programs that pass a client to backends/s3 must not depend on it",
	},
	{
		from:   "",
		direct: true,
		breach: func(from, to string, _ bool) bool {
			return below(to, "github.com/spf13/afero") && !below(from, "backends/mem") && !below(from, "backends/aferofs") && !below(from, "cmd")
		},
		reason: "afero is a store, not a jail: its BasePathFs follows links out",
	},
	{
		from:   "",
		direct: true,
		breach: func(from, to string, _ bool) bool {
			return below(to, "github.com/gorilla/mux") && !below(from, "server") && !below(from, "cmd")
		},
		reason: "the router only registers routes; handlers are plain net/http",
	},
	{
		from: "",
		breach: func(from, to string, _ bool) bool {
			driver := below(to, "modernc.org/sqlite") || below(to, "github.com/jackc/pgx")
			// catalogtest uses the interface, as server does.
			store := below(from, "server/catalog") && from != "server/catalog" && !below(from, "server/catalog/catalogtest")
			return driver && !store && !below(from, "cmd") && !below(from, "testdata")
		},
		reason: "only programs that open a catalog need a database and its driver: the HTTP layer uses the interface, and programs with their own store must not depend on ours",
	},
	{
		from: "server/catalog",
		breach: func(from, to string, _ bool) bool {
			return below(to, "modernc.org/sqlite") && below(from, "server/catalog/postgres") ||
				below(to, "github.com/jackc/pgx") && below(from, "server/catalog/sqlite")
		},
		reason: "programs that open one store must not depend on the other",
	},
	{
		from: "",
		breach: func(from, to string, _ bool) bool {
			switch {
			case below(from, "cmd"), below(from, "testdata"):
				return false
			case below(to, "github.com/coreos/go-oidc"), below(to, "github.com/go-jose/go-jose"):
				return !below(from, "server/auth/oidc")
			}
			return below(to, "golang.org/x/crypto/bcrypt") && !below(from, "server/auth/htpasswd")
		},
		reason: "authentication goes through auth.Authenticator: programs with their own implementation must not depend on ours",
	},
	{
		from:   "cmd",
		breach: func(_, to string, _ bool) bool { return below(to, "vfs/vfstest") || to == "testing" },
		reason: "the command must not contain test code",
	},
	{
		from:   "",
		breach: func(from, to string, _ bool) bool { return below(to, "testdata") && !below(from, "testdata") },
		reason: "packages under testdata are for tests, and only tests may import them",
	},
}

// below reports whether the import path p is top or lies below it.
func below(p, top string) bool {
	return top == "" || p == top || strings.HasPrefix(p, top+"/")
}

// backendOf returns the backend that a package below backends belongs to, or "" for
// backends itself.
func backendOf(p string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(p, "backends"), "/"), "/")
	return name
}

// importBreaches returns a line for each import that breaks a rule.
func importBreaches(pkgs []goPackage) []string {
	standard := make(map[string]bool)
	for _, p := range pkgs {
		standard[p.ImportPath] = p.Standard
	}
	var lines []string
	for _, p := range pkgs {
		from, ours := inModule(p.ImportPath)
		if !ours {
			continue
		}
		for _, r := range importRules {
			if !below(from, r.from) {
				continue
			}
			reached := p.Deps
			if r.direct {
				reached = p.Imports
			}
			for _, dep := range reached {
				if to, _ := inModule(dep); r.breach(from, to, standard[dep]) {
					lines = append(lines, from+" reaches "+to+", but "+r.reason)
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// inModule returns a package's path within the module and true, or, for a package of
// another module, its import path and false.
func inModule(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, module+"/")
}

// TestImports checks the module's packages against importRules, on every supported
// system, since files differ by system.
func TestImports(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		t.Run(goos, func(t *testing.T) {
			pkgs := listPackages(t, goos)
			if !slices.ContainsFunc(pkgs, func(p goPackage) bool { return p.ImportPath == module+"/vfs" }) {
				t.Fatal("go list does not list vfs: this test checks nothing")
			}
			for _, line := range importBreaches(pkgs) {
				t.Error(line)
			}
		})
	}
}

func listPackages(t *testing.T, goos string) []goPackage {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./...")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatalf("go list printed invalid JSON: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// TestImportRules shows that each rule can be broken, and that the rules permit the
// imports of .github/DESIGN.md.
func TestImportRules(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		breaks   bool
	}{
		{"vfs", "io", false},
		{"vfs", "golang.org/x/text/unicode/norm", false},
		{"vfs", "github.com/bmatcuk/doublestar/v4", false},
		{"vfs", "github.com/bmatcuk/doublestar/v4-secret", true},
		{"vfs", "github.com/google/go-cmp/cmp", true},
		{"vfs", module + "/backends/mem", true},
		{"vfs", module + "/server", true},
		{"vfs", module + "/cmd/bailiwick", true},
		{"vfs/vfstest", module + "/vfs", false},
		{"vfs/vfstest", "github.com/google/go-cmp/cmp", false},
		{"vfs/vfstest", "github.com/spf13/afero", true},
		{"server", module + "/vfs", false},
		{"server", "github.com/gorilla/mux", false},
		{"server", module + "/backends/disk", true},
		{"server/auth", module + "/backends", true},
		{"backends", module + "/backends/disk", false},
		{"backends", "github.com/aws/aws-sdk-go-v2/service/s3", false},
		{"backends", "github.com/aws/aws-sdk-go-v2/config", false},
		{"vfs/vfstest", "github.com/aws/smithy-go", true},
		{"server", "github.com/aws/aws-sdk-go-v2/service/s3", true},
		{"backends/disk", "github.com/aws/aws-sdk-go-v2/aws", true},
		{"backends/mem", "github.com/aws/smithy-go", true},
		{"backends/aferofs", "github.com/aws/aws-sdk-go-v2/config", true},
		{"backends/internal/put", "github.com/aws/smithy-go", true},
		{"backends/disk", module + "/server", true},
		{"backends/disk", module + "/backends", true},
		{"backends/disk", "github.com/spf13/afero", true},
		{"backends/disk", module + "/backends/mem", true},
		{"backends/disk", module + "/backends/disk/openat2", false},
		{"backends/disk", module + "/backends/internal/put", false},
		{"backends/internal/put", module + "/backends/disk", true},
		{"backends/mem", module + "/backends/aferofs", false},
		{"backends/mem", "github.com/spf13/afero/mem", false},
		{"backends/aferofs", module + "/backends/mem", true},
		{"backends/layer/mount", module + "/vfs/driver", false},
		{"backends/layer/mount", module + "/backends/layer/prefix", true},
		{"backends/layer/mount", module + "/backends/mem", true},
		{"backends/layer/mount", module + "/vfs/vfstest", true},
		{"backends/s3", "github.com/aws/aws-sdk-go-v2/service/s3", false},
		{"backends/s3", "github.com/aws/aws-sdk-go-v2/config", true},
		{"cmd/bailiwick", "github.com/aws/aws-sdk-go-v2/config", false},
		{"testdata/s3gateway", "github.com/aws/aws-sdk-go-v2/service/s3", false},
		{"backends/disk", "github.com/gorilla/mux", true},
		{"server", "github.com/coreos/go-oidc/v3/oidc", true},
		{"server", "golang.org/x/crypto/bcrypt", true},
		{"server/auth", "github.com/go-jose/go-jose/v4", true},
		{"server/auth/oidc", "github.com/coreos/go-oidc/v3/oidc", false},
		{"server/auth/oidc", "golang.org/x/crypto/bcrypt", true},
		{"server/auth/htpasswd", "golang.org/x/crypto/bcrypt", false},
		{"cmd/bailiwick", "golang.org/x/crypto/bcrypt", false},
		{"server", "github.com/jackc/pgx/v5", true},
		{"server", "modernc.org/sqlite", true},
		{"server", module + "/server/catalog", false},
		{"server/auth", "modernc.org/sqlite/lib", true},
		{"server/catalog", "modernc.org/sqlite", true},
		{"server/catalog", "github.com/jackc/pgx/v5/pgconn", true},
		{"server/catalog/catalogtest", "modernc.org/sqlite", true},
		{"server/catalog/sqlite", "modernc.org/sqlite", false},
		{"server/catalog/sqlite", "github.com/jackc/pgx/v5", true},
		{"server/catalog/postgres", "github.com/jackc/pgx/v5/pgxpool", false},
		{"server/catalog/postgres", "modernc.org/sqlite", true},
		{"server/catalog/open", "github.com/jackc/pgx/v5", false},
		{"server/catalog/open", "modernc.org/sqlite", false},
		{"backends/disk", "modernc.org/sqlite", true},
		{"vfs", "github.com/jackc/pgx/v5", true},
		{"cmd/bailiwick", "modernc.org/sqlite", false},
		{"testdata/pgserver", "github.com/jackc/pgx/v5", false},
		{"cmd/bailiwick", module + "/backends/mem", false},
		{"cmd/bailiwick", module + "/server", false},
		{"cmd/bailiwick", "github.com/spf13/afero", false},
		{"cmd/bailiwick", module + "/vfs/vfstest", true},
		{"cmd/bailiwick", module + "/vfs/attacks", false},
		{"cmd/bailiwick", "testing", true},
		{"cmd/bailiwick", module + "/testdata/s3gateway", true},
		{"backends/s3", module + "/testdata/s3gateway", true},
		{"testdata/s3gateway", module + "/backends/s3", false},
	} {
		pkgs := []goPackage{
			{ImportPath: "io", Standard: true},
			{ImportPath: module + "/" + tt.from, Imports: []string{tt.to}, Deps: []string{tt.to}},
		}
		if lines := importBreaches(pkgs); (len(lines) > 0) != tt.breaks {
			t.Errorf("%s imports %s: got %q, want a breach: %v", tt.from, tt.to, lines, tt.breaks)
		}
	}
}
