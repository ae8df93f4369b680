package probe_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// A server may write what looks like a token. It is attacked to the end.
func TestHostileTokens(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	token := "bwp-" + strings.TrimPrefix(tree.Name(), "bailiwick-probe-") + "-"
	texts := []string{token, token + token, token + "-001", token + "+001", token + "0x1f", token + "9999", token + "1e10", token + "00\x00\x00"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		const alphabet = "0123456789-+_. \xffbwpx"
		text := token
		for range random.IntN(8) {
			text += string(alphabet[random.IntN(len(alphabet))])
		}
		texts = append(texts, text)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Join(texts, "\n"))
	}))
	defer srv.Close()
	if report, err := probe.Run(t.Context(), srv.URL, tree, probe.Options{Skip: []probe.Kind{probe.Hang}}); err != nil || report.Requests == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
