package azure_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	cdk "gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"

	"github.com/bailiwick-fs/bailiwick/testdata/nodetool"
)

// An azurite is Microsoft's emulator of the service, with its data in memory.
type azurite struct {
	url        string // http://127.0.0.1:PORT/ACCOUNT
	http       *http.Client
	containers atomic.Int64
}

// The account and its key are the ones that Microsoft publishes for the emulator.
const (
	account = "devstoreaccount1"
	key     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// startAzurite starts the emulator for t. If it is not installed, it skips t, or fails t;
// see nodetool.RequireVariable.
func startAzurite(t *testing.T) *azurite {
	t.Helper()
	dir := nodetool.Find(t, "azurite", "package.json", "package-lock.json")
	cmd := exec.Command("node", "node_modules/azurite/dist/src/blob/main.js",
		"--inMemoryPersistence", "--blobPort", "0", "--skipApiVersionCheck", "--disableTelemetry", "--silent")
	cmd.Dir = dir
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var talk strings.Builder
	cmd.Stderr = &talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("output of azurite:\n%s", &talk)
		}
	})
	a := &azurite{http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(a.http.CloseIdleConnections)
	lines := bufio.NewScanner(stdout)
	for a.url == "" && lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "successfully listens on "); ok {
			a.url = url + "/" + account
		}
	}
	go func() {
		defer close(read)
		for lines.Scan() {
		}
	}()
	if a.url == "" {
		t.Fatalf("azurite ended before it listened: %v", lines.Err())
	}
	return a
}

// bucket returns a new container, as a bucket and as a client.
func (a *azurite) bucket(t *testing.T, transport policy.Transporter) (*cdk.Bucket, *container.Client) {
	t.Helper()
	cred, err := container.NewSharedKeyCredential(account, key)
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("%s/tree-%d", a.url, a.containers.Add(1))
	client, err := container.NewClientWithSharedKeyCredential(url, cred, &container.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	bucket, err := azureblob.OpenBucket(t.Context(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	return bucket, client
}
