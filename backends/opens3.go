package backends

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// openS3Limit bounds the time that opening spends waiting for credentials and for S3. A
// failing start must say so within 10 seconds.
const openS3Limit = 8 * time.Second

// openS3 opens an s3:// source and asks the service once whether it is usable.
func openS3(ctx context.Context, source string, writable bool) (*Source, error) {
	where, err := ParseS3(source)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, openS3Limit)
	defer cancel()
	src, err := connect(limited, where, writable)
	switch {
	case err == nil:
		return src, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("%w %q: %w", ErrSource, shownS3(source), err)
}

// connect returns the backend for where, after checking that it is usable. An error
// prints as advice on what to do.
func connect(ctx context.Context, where S3Source, writable bool) (_ *Source, err error) {
	opts, ignored, renewal, err := clientOptions(ctx, &where)
	defer func() {
		if err != nil && ignored != "" {
			err = fmt.Errorf("%w; %s", err, ignored)
		}
	}()
	if err != nil {
		return nil, err
	}
	client, err := s3.NewClient(opts)
	if err != nil {
		return nil, err
	}
	closeIdle := func() {
		if c, ok := client.Options().HTTPClient.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
	defer func() {
		if err != nil {
			closeIdle()
		}
	}()
	b, err := s3.New(client, s3.Options{
		Bucket:              where.Bucket,
		Prefix:              where.Prefix,
		ExpectedBucketOwner: where.BucketOwner,
		Writable:            writable,
	})
	if err != nil {
		return nil, err
	}
	notes := where.notes(opts.Region)
	if writable {
		notes = append(notes, mayWrite)
	}
	err = b.Check(ctx)
	switch {
	case err == nil:
	// A wrong owner is refused with the same error. It would otherwise go unnoticed,
	// and every object would look missing.
	case errors.Is(err, fs.ErrPermission) && where.BucketOwner == "":
		notes = append(notes, cannotList)
	default:
		return nil, err
	}
	unlisted := b.Unlisted()
	for _, note := range []string{unlisted, ignored} {
		if note != "" {
			notes = append(notes, note)
		}
	}
	return &Source{Backend: b, Notes: notes, Unlisted: unlisted, IgnoredEndpoint: ignored, Renewal: renewal, close: func() error { closeIdle(); return nil }}, nil
}

// clientOptions returns the options of the client, from the source and the configuration of
// AWS's own tools. ignored says which endpoint of that configuration does not count, and
// renewal what Source.Renewal is.
func clientOptions(ctx context.Context, where *S3Source) (opts s3.ClientOptions, ignored, renewal string, err error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithLogger(logging.Nop{}), // otherwise the SDK prints warnings to standard error
		config.WithRegion(where.Region),  // "" uses the configuration's region
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) {
			// Renew credentials before they expire, and not on all servers at once.
			o.ExpiryWindow, o.ExpiryWindowJitterFrac = time.Minute, 0.5
		}))
	if err != nil {
		return opts, ignored, "", fmt.Errorf("the AWS configuration (AWS_ variables, ~/.aws) cannot be used: %s", joinLines(err))
	}
	opts = s3.ClientOptions{
		Region:    cfg.Region,
		Endpoint:  where.Endpoint,
		PathStyle: where.PathStyle,
		Anonymous: where.Anonymous,
		RootCAs:   rootCAs(cfg),
	}
	ignored = ignoredEndpoint(where, cfg)
	if opts.Region == "" {
		if where.Endpoint == "" {
			return opts, ignored, "", errors.New("the region is unknown: add region=NAME, such as region=eu-central-1, or set AWS_REGION")
		}
		opts.Region = "us-east-1" // the usual name for the only region of other services
	}
	if !where.Anonymous {
		if renewal, err = haveCredentials(ctx, cfg.Credentials); err != nil {
			return opts, ignored, "", err
		}
		opts.Credentials = cfg.Credentials
	}
	return opts, ignored, renewal, nil
}

const cannotList = "the credentials do not permit listing the bucket (s3:ListBucket): readable objects (s3:GetObject) are served, listings and scan fail, and a missing object is logged as unreadable"

// mayWrite is not verified: no request could test it without changing something.
const mayWrite = "writing and removing objects requires the permissions s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload; cleaning up after uploads that a crash interrupted requires s3:ListBucketMultipartUploads"

// Sweep removes what killed processes left of writes that began more than olderThan
// ago and whose name abandoned selects, and returns how many it removed. On S3 these are
// multipart uploads, see [s3.Backend.SweepUploads], also for a nil abandoned; a directory
// is swept when it is opened for writing. It returns 0 for a source that is not writable.
func (s *Source) Sweep(ctx context.Context, olderThan time.Duration, abandoned func(context.Context, vfs.Name) (bool, error)) (int, error) {
	b, ok := s.Backend.(*s3.Backend)
	if !ok || !b.Caps().Writable {
		return 0, nil
	}
	return b.SweepUploads(ctx, olderThan, abandoned)
}

// AbortUploads removes what killed processes left of writes of n, whatever their age,
// and returns how many it removed, see [s3.Backend.AbortUploads]. It returns 0 for a
// source of which Sweep removes nothing.
func (s *Source) AbortUploads(ctx context.Context, n vfs.Name) (int, error) {
	b, ok := s.Backend.(*s3.Backend)
	if !ok || !b.Caps().Writable {
		return 0, nil
	}
	return b.AbortUploads(ctx, n)
}

// ignoredEndpoint says that the SDK's configuration names an endpoint that is not used;
// "" if it names none, or the source names one.
func ignoredEndpoint(where *S3Source, cfg aws.Config) string {
	if where.Endpoint != "" {
		return ""
	}
	setting := ""
	switch ignore, _ := strconv.ParseBool(os.Getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")); {
	case ignore: // ignored by choice: the endpoint is AWS
	case os.Getenv("AWS_ENDPOINT_URL_S3") != "":
		setting = "AWS_ENDPOINT_URL_S3"
	case os.Getenv("AWS_ENDPOINT_URL") != "":
		setting = "AWS_ENDPOINT_URL"
	case cfg.BaseEndpoint != nil:
		setting = "endpoint_url of the AWS profile"
	}
	if setting == "" {
		return ""
	}
	return setting + " is set but not used: a source without endpoint=URL is at AWS"
}

// rootCAs returns the certificate authorities of AWS_CA_BUNDLE, or nil for the
// system's.
func rootCAs(cfg aws.Config) *x509.CertPool {
	c, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil
	}
	if tls := c.GetTransport().TLSClientConfig; tls != nil {
		return tls.RootCAs
	}
	return nil
}

// haveCredentials checks that the SDK's chain finds credentials. It returns what
// Source.Renewal is for them.
func haveCredentials(ctx context.Context, p aws.CredentialsProvider) (renewal string, err error) {
	found, err := p.Retrieve(ctx)
	if err == nil {
		if found.CanExpire {
			renewal = renewalOf(p)
		}
		return renewal, nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("%w: no credentials found within %s: %s", vfs.ErrUnavailable, openS3Limit, setCredentials)
	}
	// The role of an EC2 instance is the last link of the chain.
	if strings.Contains(err.Error(), "no EC2 IMDS role found") {
		return "", errors.New("no AWS credentials were found: " + setCredentials + "; for a public bucket add anonymous=true")
	}
	return "", errors.New("the configured AWS credentials could not be obtained: " + joinLines(err))
}

// renewalOf returns what Source.Renewal is for credentials of p that expire. All links of the
// chain count: a role may be assumed with credentials that a program makes.
func renewalOf(p aws.CredentialsProvider) string {
	chain, ok := p.(aws.CredentialProviderSource)
	if !ok {
		return ""
	}
	for _, link := range chain.ProviderSources() {
		switch link {
		case aws.CredentialSourceProcess:
			return "the S3 credentials come from a program (credential_process), which could not run again when they expire"
		case aws.CredentialSourceProfileSTSWebIDToken:
			return "the S3 credentials come from a token file that a profile names (web_identity_token_file), which could not be read again when they expire; AWS_WEB_IDENTITY_TOKEN_FILE names one that can"
		// The legacy form of single sign-on stores nothing: it ends with its token.
		case aws.CredentialSourceSSO, aws.CredentialSourceProfileSSO, aws.CredentialSourceLogin:
			return "the S3 credentials come from a sign-in (single sign-on or aws login), whose next token could not be stored below ~/.aws"
		}
	}
	return ""
}

// joinLines returns the text of an SDK error as one line.
func joinLines(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// notes are only for the operator, who specified all of this.
func (s *S3Source) notes(region string) []string {
	endpoint := s.Endpoint
	if endpoint == "" {
		endpoint = "AWS"
	}
	notes := []string{fmt.Sprintf("objects are read from bucket %s at %s, region %s, with one request each", s.Bucket, endpoint, region)}
	if s.Insecure && !s.local() {
		notes = append(notes, "requests to the S3 endpoint use plain HTTP: anyone on the network path can read and change the objects")
	}
	if s.Anonymous {
		notes = append(notes, "requests to S3 are not signed: only public objects can be read")
	}
	return notes
}
