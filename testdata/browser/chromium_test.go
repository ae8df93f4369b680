package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// requireVariable is the environment variable that, if set to "1", makes tests fail instead
// of being skipped if a program is missing.
const requireVariable = "BAILIWICK_REQUIRE_SERVERS"

// What all tests share is made by the first one that needs it, and ended by TestMain.
var shared struct {
	dir string // temporary

	build   sync.Once
	program string
	built   error

	browse     sync.Once
	chromium   context.Context
	endBrowser func()
	noBrowser  error
}

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	var err error
	if shared.dir, err = os.MkdirTemp("", "bailiwick-browser-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(shared.dir)
	shared.endBrowser = func() {}
	defer func() { shared.endBrowser() }()
	return m.Run()
}

// program returns the path of the command, built from the working tree, or that which
// BAILIWICK_PROGRAM names.
func program(t *testing.T) string {
	t.Helper()
	shared.build.Do(func() {
		if shared.program = os.Getenv("BAILIWICK_PROGRAM"); shared.program != "" {
			return
		}
		shared.program = filepath.Join(shared.dir, "bailiwick")
		cmd := exec.Command("go", "build", "-o", shared.program, "./cmd/bailiwick")
		cmd.Dir = filepath.Join("..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			shared.built = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if shared.built != nil {
		t.Fatalf("building the command: %v", shared.built)
	}
	return shared.program
}

// chromium returns the context of the running browser. Without a browser, it skips t, or
// fails it; see requireVariable.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv(requireVariable) == "1" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed")
	}
	shared.browse.Do(func() {
		// On a busy machine, a browser occasionally hangs when it starts.
		for range 3 {
			if shared.noBrowser = startChromium(path); shared.noBrowser == nil {
				return
			}
		}
	})
	if shared.noBrowser != nil {
		t.Fatalf("chromium does not start: %v", shared.noBrowser)
	}
	return shared.chromium
}

func startChromium(path string) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("host-resolver-rules", "MAP "+networkHost+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), // the page of a test's provider asks for fonts
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-GB"), chromedp.Flag("hide-scrollbars", true),
		chromedp.Env("TZ=Europe/Zurich", "LANGUAGE=en_GB"),
		chromedp.WSURLReadTimeout(time.Minute))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		endAllocator()
		return err
	}
	shared.chromium = ctx
	shared.endBrowser = func() {
		closing, done := context.WithTimeout(ctx, 20*time.Second)
		defer done()
		_ = chromedp.Cancel(closing)
		endAllocator() // kills it if it has not ended
	}
	return nil
}
