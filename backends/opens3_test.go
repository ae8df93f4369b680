package backends_test

import (
	"context"
	"crypto/sha1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A service is a configurable S3 server: it answers HEAD with a status, and everything
// else with that status and a code.
type service struct {
	*httptest.Server
	status int
	code   string
	header http.Header
	calls  atomic.Int64
	auth   atomic.Value // the last Authorization
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	s.auth.Store(r.Header.Get("Authorization"))
	for k, v := range s.header {
		w.Header()[k] = v
	}
	if s.status == 0 { // a bucket with one object at each key
		w.Header().Set("ETag", `"1"`)
		if r.Method == http.MethodGet {
			io.WriteString(w, "an object")
		}
		return
	}
	w.WriteHeader(s.status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>of\nmany lines</Message></Error>", s.code)
	}
}

func startService(t *testing.T, s *service) *service {
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// isolateAWS hides the machine's credentials and settings from a test, and sets the
// test's own.
func isolateAWS(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "w8secret", "AWS_SESSION_TOKEN": "",
		"AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_CA_BUNDLE": "",
		"AWS_ROLE_ARN": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
		"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": filepath.Join(dir, "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "credentials"),
	} {
		t.Setenv(name, value)
	}
}

func TestOpenS3(t *testing.T) {
	isolateAWS(t)
	elsewhere := startService(t, &service{})
	t.Setenv("AWS_ENDPOINT_URL", elsewhere.URL)
	s := startService(t, &service{})
	src, err := backends.Open(t.Context(), "s3://bucket/prefix?endpoint="+s.URL, backends.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if n := s.calls.Load(); n != 1 {
		t.Errorf("opening cost %d requests, want 1", n)
	}
	if src.Caps().Kind != "s3" {
		t.Errorf("opened a %s backend", src.Caps().Kind)
	}
	if notes := strings.Join(src.Notes, "\n"); len(src.Notes) != 1 || !strings.Contains(notes, "bucket bucket at "+s.URL+", region us-east-1") {
		t.Errorf("notes %q", src.Notes)
	}
	n, err := vfs.ParseName("a.txt")
	if err != nil {
		t.Fatal(err)
	}
	obj, err := src.Open(t.Context(), n, vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(obj.Body)
	if string(data) != "an object" || err != nil {
		t.Errorf("read %q, %v", data, err)
	}
	obj.Body.Close()
	if n := elsewhere.calls.Load(); n != 0 {
		t.Errorf("a variable decided which service was called, %d times", n)
	}
}

// Requests to a public bucket are unsigned only if the source says so.
func TestOpenS3Anonymous(t *testing.T) {
	for _, tt := range []struct {
		parameter string
		signed    bool
		notes     int
	}{{"", true, 1}, {"&anonymous=true", false, 2}} {
		isolateAWS(t)
		s := startService(t, &service{})
		src, err := backends.Open(t.Context(), "s3://bucket?endpoint="+s.URL+tt.parameter, backends.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if signed := s.auth.Load() != ""; signed != tt.signed {
			t.Errorf("%q: signed %v, want %v", tt.parameter, signed, tt.signed)
		}
		if len(src.Notes) != tt.notes {
			t.Errorf("%q: notes %q", tt.parameter, src.Notes)
		}
		src.Close()
	}
}

// Credentials that can get objects but not list them can serve, and a note tells the
// consequences. If the source names an owner, the same answer can mean a wrong owner,
// so it is an error.
func TestOpenS3CannotList(t *testing.T) {
	isolateAWS(t)
	s := startService(t, &service{status: 403, code: "AccessDenied"})
	source := "s3://bucket?endpoint=" + s.URL
	src, err := backends.Open(t.Context(), source, backends.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if len(src.Notes) != 2 || !strings.Contains(src.Notes[1], "s3:ListBucket") {
		t.Errorf("notes %q, want one on s3:ListBucket", src.Notes)
	}
	src, err = backends.Open(t.Context(), source+"&bucket_owner=123456789012", backends.Options{})
	checkRefused(t, src, err, "owner")
}

// A bucket is written to only if requested, and a note tells the operator which
// permissions that needs.
func TestOpenS3Writable(t *testing.T) {
	isolateAWS(t)
	for _, writable := range []bool{false, true} {
		s := startService(t, &service{})
		src, err := backends.Open(t.Context(), "s3://bucket?endpoint="+s.URL, backends.Options{Writable: writable})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if src.Caps().Writable != writable || strings.Contains(strings.Join(src.Notes, "\n"), "s3:PutObject") != writable {
			t.Errorf("writable %t: Caps %+v, notes %q", writable, src.Caps(), src.Notes)
		}
		if n, err := src.Sweep(t.Context(), 0, nil); n != 0 || err != nil && !writable {
			t.Errorf("writable %t: Sweep returned %d, %v", writable, n, err)
		}
		if n, want := s.calls.Load(), map[bool]int64{false: 1, true: 2}[writable]; int64(n) != want {
			t.Errorf("writable %t: opening and sweeping cost %d requests, want %d", writable, n, want)
		}
	}
	src, err := backends.Open(t.Context(), "mem:", backends.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if n, err := src.Sweep(t.Context(), 0, nil); n != 0 || err != nil {
		t.Errorf("mem: Sweep returned %d, %v", n, err)
	}
}

func TestOpenS3Refuses(t *testing.T) {
	for _, tt := range []struct {
		name        string
		service     *service // nil: a working service
		env         map[string]string
		dead        bool // the server is down
		says        string
		unavailable bool
	}{
		{name: "no credentials", env: map[string]string{"AWS_ACCESS_KEY_ID": ""}, says: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{name: "no profile", env: map[string]string{"AWS_PROFILE": "nosuch"}, says: "nosuch"},
		{name: "no authorities", env: map[string]string{"AWS_CA_BUNDLE": "nosuch"}, says: "AWS_"},
		{name: "no bucket", service: &service{status: 404}, says: `no bucket "bucket"`},
		{name: "unknown key", service: &service{status: 403, code: "InvalidAccessKeyId"}, says: "AWS_ACCESS_KEY_ID"},
		{name: "wrong secret", service: &service{status: 403, code: "SignatureDoesNotMatch"}, says: "AWS_SECRET_ACCESS_KEY"},
		{name: "old token", service: &service{status: 400, code: "ExpiredToken"}, says: "AWS_SESSION_TOKEN"},
		{name: "unauthorized", service: &service{status: 401, code: "Unauthorized"}, says: "AWS_ACCESS_KEY_ID"},
		{name: "clock", service: &service{status: 403, code: "RequestTimeTooSkewed"}, says: "clock"},
		{name: "other region", service: &service{status: 301}, says: "region"},
		{name: "other region, named", service: &service{status: 301, header: http.Header{"X-Amz-Bucket-Region": {"eu-west-3"}}}, says: `"eu-west-3"`},
		{name: "no service", service: &service{status: 503, code: "SlowDown"}, says: "503", unavailable: true},
		{name: "no such address", dead: true, says: "cannot be reached", unavailable: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			isolateAWS(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			if tt.service == nil {
				tt.service = &service{}
			}
			s := startService(t, tt.service)
			if tt.dead {
				s.Close()
			}
			src, err := backends.Open(t.Context(), "s3://bucket/prefix?endpoint="+s.URL, backends.Options{})
			checkRefused(t, src, err, tt.says)
			if errors.Is(err, vfs.ErrUnavailable) != tt.unavailable {
				t.Errorf("%v matches ErrUnavailable: %v, want %v", err, !tt.unavailable, tt.unavailable)
			}
			if strings.Contains(err.Error(), "w8secret") {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
	t.Run("profile that fails", func(t *testing.T) {
		isolateAWS(t)
		t.Setenv("AWS_ACCESS_KEY_ID", "")
		text := "[default]\ncredential_process = " + filepath.Join(t.TempDir(), "nosuch") + "\n"
		if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := backends.Open(t.Context(), "s3://bucket?endpoint=http://127.0.0.1:1", backends.Options{})
		checkRefused(t, src, err, "credential_process")
	})
	t.Run("no region", func(t *testing.T) {
		isolateAWS(t)
		src, err := backends.Open(t.Context(), "s3://bucket", backends.Options{})
		checkRefused(t, src, err, "AWS_REGION")
	})
}

// Renewal names the credentials that a confined process could not renew, whatever link of the
// chain they are. Others it does not mention.
func TestOpenS3Renewal(t *testing.T) {
	const (
		expires = `{"Version":1,"AccessKeyId":"key","SecretAccessKey":"w8secret","Expiration":"2100-01-01T00:00:00Z"}`
		lasts   = `{"Version":1,"AccessKeyId":"key","SecretAccessKey":"w8secret"}`
		signIn  = "[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://sign-in.invalid\n"
	)
	// The services of AWS that exchange a token or credentials for others.
	exchange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/federation/credentials" {
			io.WriteString(w, `{"roleCredentials":{"accessKeyId":"key","secretAccessKey":"w8secret","sessionToken":"token","expiration":4102444800000}}`)
			return
		}
		io.WriteString(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>key</AccessKeyId><SecretAccessKey>w8secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	defer exchange.Close()
	for _, tt := range []struct {
		name, config, program string
		want                  string // in Renewal
	}{
		{"keys", "[default]\naws_access_key_id = key\naws_secret_access_key = w8secret\n", "", ""},
		{"a program", "[default]\ncredential_process = cat PROGRAM\n", expires, "credential_process"},
		{"a program, once", "[default]\ncredential_process = cat PROGRAM\n", lasts, ""},
		{"a role by keys", "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = p\n[profile p]\naws_access_key_id = key\naws_secret_access_key = w8secret\n", "", ""},
		{"a role by a program", "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = p\n[profile p]\ncredential_process = cat PROGRAM\n", expires, "credential_process"},
		{"single sign-on", signIn, "", "single sign-on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			isolateAWS(t)
			dir := t.TempDir()
			file := func(name, text string) string {
				t.Helper()
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			for name, value := range map[string]string{
				"HOME": dir, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_REGION": "us-east-1",
				"AWS_ENDPOINT_URL_STS": exchange.URL, "AWS_ENDPOINT_URL_SSO": exchange.URL,
				"AWS_CONFIG_FILE": file("config", strings.ReplaceAll(tt.config, "PROGRAM", file("program", tt.program))),
			} {
				t.Setenv(name, value)
			}
			file(fmt.Sprintf(".aws/sso/cache/%x.json", sha1.Sum([]byte("s"))), `{"accessToken":"token","expiresAt":"2100-01-01T00:00:00Z"}`)
			s := startService(t, &service{})
			src, err := backends.Open(t.Context(), "s3://bucket?endpoint="+s.URL, backends.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			if (src.Renewal == "") != (tt.want == "") || !strings.Contains(src.Renewal, tt.want) {
				t.Errorf("Renewal is %q, want %q", src.Renewal, tt.want)
			}
		})
	}
}

// A variable that names an endpoint never decides which service is called. If it may
// have been meant to, Open says that it was not used.
func TestOpenS3IgnoredEndpoint(t *testing.T) {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		isolateAWS(t)
		elsewhere := startService(t, &service{})
		t.Setenv(name, elsewhere.URL)
		src, err := backends.Open(t.Context(), "s3://bucket", backends.Options{})
		checkRefused(t, src, err, name+" is set but not used")
		t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
		src, err = backends.Open(t.Context(), "s3://bucket", backends.Options{})
		checkRefused(t, src, err, "AWS_REGION")
		if strings.Contains(err.Error(), "not used") {
			t.Errorf("%s is ignored by choice: %v", name, err)
		}
		t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "")
		if n := elsewhere.calls.Load(); n != 0 {
			t.Errorf("%s decided which service was called, %d times", name, n)
		}
	}
	isolateAWS(t)
	text := "[default]\nendpoint_url = http://127.0.0.1:1\n"
	if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := backends.Open(t.Context(), "s3://bucket", backends.Options{})
	checkRefused(t, src, err, "endpoint_url of the AWS profile is set but not used")
}

// Open trusts the authorities of AWS_CA_BUNDLE, and without it rejects a private
// certificate.
func TestOpenS3Certificates(t *testing.T) {
	isolateAWS(t)
	s := &service{}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // would log that the client rejects the certificate
	s.StartTLS()
	t.Cleanup(s.Close)
	source := "s3://bucket?endpoint=" + s.URL
	src, err := backends.Open(t.Context(), source, backends.Options{})
	checkRefused(t, src, err, "certificate")

	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	src, err = backends.Open(t.Context(), source, backends.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src.Close()
}

// Credentials come from the files that AWS's tools write.
func TestOpenS3Profile(t *testing.T) {
	isolateAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_PROFILE", "web")
	for file, text := range map[string]string{
		"AWS_SHARED_CREDENTIALS_FILE": "[web]\naws_access_key_id = WEBKEY\naws_secret_access_key = w8secret\n",
		"AWS_CONFIG_FILE":             "[profile web]\nregion = eu-north-1\n",
	} {
		if err := os.WriteFile(os.Getenv(file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := startService(t, &service{})
	src, err := backends.Open(t.Context(), "s3://bucket?endpoint="+s.URL, backends.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src.Close()
	if auth, _ := s.auth.Load().(string); !strings.Contains(auth, "WEBKEY/") || !strings.Contains(auth, "/eu-north-1/") {
		t.Errorf("signed as %q, want as WEBKEY in eu-north-1", auth)
	}
}

// Canceling ends the opening with the context's error.
func TestOpenS3Canceled(t *testing.T) {
	isolateAWS(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	src, err := backends.Open(ctx, "s3://bucket?endpoint="+s.URL, backends.Options{})
	if src != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v, want context.Canceled", src, err)
	}
}
