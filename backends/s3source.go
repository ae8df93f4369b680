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

// An S3Source is what a source that begins with "s3://" says:
//
//	s3://BUCKET/PREFIX?PARAMETER=VALUE&…
//
// PREFIX is written as in a URL and decoded once: a percent sign in it is %25, a
// question mark %3F. It ends at a slash, whether one is written or not: of
// s3://bucket/pub nothing called "pub-secret" can be reached. Each parameter
// stands at most once, with a value; a parameter that is not known is an error,
// since a setting that goes unnoticed can serve the wrong thing.
type S3Source struct {
	Bucket string
	Prefix string // decoded, without slashes around it; "" for the whole bucket

	// Endpoint (endpoint=URL) is the service's address, scheme and host alone;
	// "" for AWS. It is https, or http on this machine.
	Endpoint string
	// Insecure (insecure=true) lets Endpoint be http on another machine. Who can
	// listen on the way reads the objects then, and can change them.
	Insecure bool
	// Region (region=NAME); "" for the one that the SDK's configuration names.
	Region string
	// PathStyle (path_style=true|false) puts the bucket into the path, and not
	// into the host's name. Nil leaves it to the endpoint.
	PathStyle *bool
	// Anonymous (anonymous=true) signs nothing, for a public bucket. Without it
	// requests are signed, or not made at all.
	Anonymous bool
	// BucketOwner (bucket_owner=ACCOUNT) makes AWS refuse if the bucket belongs
	// to another account.
	BucketOwner string
}

// s3Parameters reads the parameters. Each gets a value that is not empty, and
// says what to write instead if it cannot be used.
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

// ParseS3 reads a source that begins with "s3://". Nothing is opened or asked.
// An error matches [ErrSource] and holds no value of a parameter: one that is in
// the wrong place may be a secret.
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
		return s, "a # begins what no server ever sees; in a prefix, write %23"
	}
	path, query, _ := strings.Cut(rest, "?")
	bucket, prefix, _ := strings.Cut(path, "/")
	switch {
	case bucket == "":
		return s, "name a bucket: s3://BUCKET/PREFIX"
	case strings.Contains(bucket, "@"):
		return s, "credentials do not stand in a source, where others see them: " + setCredentials
	case strings.Contains(bucket, ":"):
		return s, "a bucket has no port: the service's address goes into endpoint=https://HOST:PORT"
	}
	// New decides what a bucket can be called; it asks nothing.
	if _, err := s3.New(struct{ s3.API }{}, s3.Options{Bucket: bucket}); err != nil {
		return s, "that is not the name of a bucket: 3 or more letters, digits, dots and hyphens"
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

// parameterName is what an unknown parameter looks like that an error may show.
var parameterName = regexp.MustCompile(`^[A-Za-z_-]{1,32}$`)

func (s *S3Source) setParameters(query string) (advice string) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "what follows the ? cannot be read: write PARAMETER=VALUE, with & between them and each % as %25"
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		set, ok := s3Parameters[key]
		switch {
		case !ok:
			known := strings.Join(slices.Sorted(maps.Keys(s3Parameters)), ", ")
			if !parameterName.MatchString(key) {
				return "there are the parameters " + known + ", and no other"
			}
			return "there is no parameter " + key + "; there are " + known
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

// setCredentials says where credentials come from.
const setCredentials = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"

func (s *S3Source) setEndpoint(value string) (advice string) {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "":
		return "write https://HOST or https://HOST:PORT"
	case u.User != nil:
		return "credentials do not stand in a source, where others see them: " + setCredentials
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "it is a scheme and a host alone; the bucket stands behind s3://"
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

// setRegion checks what becomes a part of AWS's host names.
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
		return "it is true or false"
	}
	return ""
}

// contradiction says what is wrong with parameters that are right one by one.
func (s *S3Source) contradiction() (advice string) {
	plain := strings.HasPrefix(s.Endpoint, "http://")
	switch {
	case plain && !s.Insecure && !s.local():
		return "endpoint: http is for this machine alone, since on a network others could read the objects and change them: use https, or add insecure=true"
	case !plain && s.Insecure:
		return "insecure=true is for an http endpoint, and there is none"
	}
	return ""
}

// local reports whether the endpoint is this machine.
func (s *S3Source) local() bool {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// String returns the source as [ParseS3] reads it, in one spelling. It holds no
// secret.
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

// shownS3 is what an error may show of a source: without the parameters, and
// without a bucket that is none, since both may hold a secret.
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
