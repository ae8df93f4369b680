//go:build unix

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The name of a file in a line directive does not reach the terminal as it is.
func TestVetOfHostileSource(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is missing")
	}
	dir := tree(t, map[string]string{
		"go.mod": "module example.com/hostile\n\ngo 1.26\n",
		"a.go": "package hostile\n\nimport (\n\t\"net/http\"\n\t\"os\"\n)\n\n//line \x1b]0;owned\ax.go:1\n" +
			"func Serve(w http.ResponseWriter, r *http.Request) { os.Open(r.FormValue(\"name\")) }\n",
	})
	cmd := command("vet", ".")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err == nil || !strings.Contains(string(out), "BW001") {
		t.Fatalf("%v: %q", err, out)
	}
	if strings.ContainsAny(string(out), "\x1b\a") {
		t.Errorf("control characters: %q", out)
	}
}
