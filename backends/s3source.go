package backends

import (
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An S3Source is a parsed source that begins with "s3://":
//
// s3://BUCKET/PREFIX?PARAMETER=VALUE&…
//
// PREFIX is written as in a URL and decoded once: write %25 for a percent sign, and %3F
// for a question mark. It always ends at a slash, whether that is written or not:
// s3://bucket/pub does not give access to "pub-secret". Each parameter occurs at most
// once, with a value. An unknown parameter is an error, since an ignored setting could
// cause the wrong objects to be served.
type S3Source struct {
	Bucket string
	Prefix string // decoded, without leading and trailing slashes; "" for the whole bucket

	// Endpoint (endpoint=URL) is the service's URL, only scheme and host; "" for AWS.
	// It uses https, or http on this machine.
	Endpoint string
	// Insecure (insecure=true) permits an http Endpoint on another machine. Anyone on
	// the network path can then read and change the objects.
	Insecure bool
	// Region (region=NAME); "" uses the region of the SDK's configuration.
	Region string
	// PathStyle (path_style=true|false) puts the bucket into the URL's path instead of
	// the host name. Nil means that the endpoint decides.
	PathStyle *bool
	// Anonymous (anonymous=true) sends unsigned requests, for a public bucket. Without
	// it, requests are always signed.
	Anonymous bool
	// BucketOwner (bucket_owner=ACCOUNT) makes AWS refuse requests if the bucket
	// belongs to another account.
	BucketOwner string
}

// s3Parameters parses the parameters. Each function gets a non-empty value and, if it
// is invalid, returns advice on what to write instead.
var s3Parameters = map[string]func(s *S3Source, value string) (advice string){
	"endpoint":     (*S3Source).setEndpoint,
	"region":       (*S3Source).setRegion,
	"bucket_owner": (*S3Source).setBucketOwner,
	"insecure":     func(s *S3Source, v string) string { return setBool(&s.Insecure, v) },
	"anonymous":    func(s *S3Source, v string) string { return setBool(&s.Anonymous, v) },
	"path_style": func(s *S3Source, v string) string {
		s.PathStyle = new(bool)
		return setBool(s.PathStyle, v)
	},
}

// ParseS3 parses a source that begins with "s3://". It opens nothing and makes no
// request. An error matches [ErrSource] and contains no value of a parameter: a
// misplaced value may be a secret.
func ParseS3(source string) (S3Source, error) {
	s, advice := parseS3(source)
	if advice != "" {
		return S3Source{}, sourceError(shownS3(source), advice)
	}
	return s, nil
}

func parseS3(source string) (s S3Source, advice string) {
	rest, ok := strings.CutPrefix(source, "s3://")
	if !ok {
		return s, "it does not begin with s3://"
	}
	if strings.Contains(rest, "#") {
		return s, "a # begins a fragment, which is never sent; in a prefix, write %23"
	}
	path, query, _ := strings.Cut(rest, "?")
	bucket, prefix, _ := strings.Cut(path, "/")
	switch {
	case bucket == "":
		return s, "name a bucket: s3://BUCKET/PREFIX"
	case strings.Contains(bucket, "@"):
		return s, "do not put credentials into a source, where others can see them: " + setCredentials
	case strings.Contains(bucket, ":"):
		return s, "a bucket has no port: write the service's address as endpoint=https://HOST:PORT"
	}
	// New checks the bucket's name; it makes no request.
	if _, err := s3.New(struct{ s3.API }{}, s3.Options{Bucket: bucket}); err != nil {
		return s, "that is not a valid bucket name: 3 or more letters, digits, dots and hyphens"
	}
	s.Bucket = bucket
	if prefix != "" {
		n, err := vfs.ParseEscapedPath(strings.TrimSuffix(prefix, "/"))
		if err != nil {
			return s, "the prefix cannot be used: " + vfs.ReasonOf(err).Detail()
		}
		s.Prefix = n.String()
	}
	if advice := s.setParameters(query); advice != "" {
		return s, advice
	}
	return s, s.contradiction()
}

// parameterName matches unknown parameters that an error may show.
var parameterName = regexp.MustCompile(`^[A-Za-z_-]{1,32}$`)

func (s *S3Source) setParameters(query string) (advice string) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "cannot parse the text after the ?: write PARAMETER=VALUE, separated by &, and each % as %25"
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		set, ok := s3Parameters[key]
		switch {
		case !ok:
			known := strings.Join(slices.Sorted(maps.Keys(s3Parameters)), ", ")
			if !parameterName.MatchString(key) {
				return "the only parameters are " + known
			}
			return "unknown parameter " + key + "; the parameters are " + known
		case len(values[key]) > 1:
			return key + " is given more than once"
		case values[key][0] == "":
			return key + " has no value"
		}
		if advice := set(s, values[key][0]); advice != "" {
			return key + ": " + advice
		}
	}
	return ""
}

// setCredentials tells where to set credentials.
const setCredentials = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"

func (s *S3Source) setEndpoint(value string) (advice string) {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "":
		return "write https://HOST or https://HOST:PORT"
	case u.User != nil:
		return "do not put credentials into a source, where others can see them: " + setCredentials
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "it consists only of a scheme and a host; the bucket is in s3://BUCKET"
	case !hostName.MatchString(u.Hostname()) && net.ParseIP(u.Hostname()) == nil:
		return "write https://HOST or https://HOST:PORT"
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "a port is a number from 1 to 65535"
		}
	}
	s.Endpoint = u.Scheme + "://" + strings.ToLower(u.Host)
	return ""
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)

// setRegion validates a value that becomes a part of AWS's host names.
func (s *S3Source) setRegion(value string) (advice string) {
	if !regionName.MatchString(value) {
		return "write the name of a region, such as eu-central-1"
	}
	s.Region = value
	return ""
}

var regionName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func (s *S3Source) setBucketOwner(value string) (advice string) {
	if !accountID.MatchString(value) {
		return "write the 12 digits of an AWS account"
	}
	s.BucketOwner = value
	return ""
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

func setBool(b *bool, value string) (advice string) {
	switch value {
	case "true":
		*b = true
	case "false":
		*b = false
	default:
		return "write true or false"
	}
	return ""
}

// contradiction returns what is wrong with a combination of valid parameters.
func (s *S3Source) contradiction() (advice string) {
	plain := strings.HasPrefix(s.Endpoint, "http://")
	switch {
	case plain && !s.Insecure && !s.local():
		return "endpoint: http is permitted only for this machine, since others on a network could read and change the objects: use https, or add insecure=true"
	case !plain && s.Insecure:
		return "insecure=true is only for an http endpoint"
	}
	return ""
}

// local reports whether the endpoint is on this machine.
func (s *S3Source) local() bool {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// String returns the source in the one spelling that [ParseS3] parses back. It contains
// no secret.
func (s S3Source) String() string {
	var b strings.Builder
	b.WriteString("s3://" + s.Bucket)
	if s.Prefix != "" {
		b.WriteString("/" + (&url.URL{Path: s.Prefix}).EscapedPath())
	}
	separator := "?"
	add := func(key, value string) {
		if value != "" {
			b.WriteString(separator + key + "=" + value)
			separator = "&"
		}
	}
	add("endpoint", s.Endpoint)
	add("region", s.Region)
	if s.PathStyle != nil {
		add("path_style", strconv.FormatBool(*s.PathStyle))
	}
	if s.Insecure {
		add("insecure", "true")
	}
	if s.Anonymous {
		add("anonymous", "true")
	}
	add("bucket_owner", s.BucketOwner)
	return b.String()
}

// shownS3 returns the part of a source that an error may show: without the parameters
// and without an invalid bucket, since both may contain a secret.
func shownS3(source string) string {
	path, _, _ := strings.Cut(strings.TrimPrefix(source, "s3://"), "?")
	path, _, _ = strings.Cut(path, "#")
	bucket, _, _ := strings.Cut(path, "/")
	if !plainWord.MatchString(bucket) {
		return "s3://…"
	}
	return "s3://" + path
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)
