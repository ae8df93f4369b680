package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Address is HOST:PORT.
type Address string

// A Path is the path of a local file or directory.
type Path string

// A Source is a location that backends.Open accepts.
type Source string

// A LogTarget is the path of a file, or one of "-", "off", "syslog:" and "journal:".
type LogTarget string

// A MountPath is "/", or a slash and a valid vfs.Name.
type MountPath string

// An ObjectName is the valid vfs.Name of an object.
type ObjectName string

// An IndexName is an ObjectName of a single element.
type IndexName string

// A PageTitle is the name of a site, a line of text.
type PageTitle string

// A Color is #rrggbb.
type Color string

// A Host is a host name in lower case or an IP address, without a port.
type Host string

// A URL begins with https://, or with http:// if it is on this machine.
type URL string

// A MediaType is TYPE/SUBTYPE or TYPE/*, in lower case.
type MediaType string

// A Who names the principals that an access rule applies to, in the syntax of
// access.Rule.
type Who string

// A Rate limits how often something may happen. The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// PerSecond returns the rate in events per second; +Inf if there is no limit.
func (r Rate) PerSecond() float64 {
	if r.Per == 0 {
		return math.Inf(1)
	}
	return float64(r.Count) / r.Per.Seconds()
}

// An Age is a duration in whole seconds that can be written in days; 0 is off.
type Age time.Duration

// A ByteRate is a number of bytes per second; 0 is no limit.
type ByteRate int64

// A scalar describes how values of one type are parsed and printed.
type scalar struct {
	what    string // for the reference
	pattern string // matches every valid value, for the schema; "" for any text
	parse   func(s string) (any, error)
	show    func(v any) string // nil: fmt.Sprint
}

// scalars describes the types that are written as text. Bools, ints and plain strings
// are parsed by kind.
var scalars = map[reflect.Type]scalar{
	reflect.TypeFor[Address]():       {what: "HOST:PORT", pattern: `:[0-9]+$`, parse: parseAddress},
	reflect.TypeFor[Path]():          {what: "path", pattern: `.`, parse: parsePath},
	reflect.TypeFor[Source]():        {what: "source", pattern: `.`, parse: parseSource},
	reflect.TypeFor[LogTarget]():     {what: "path or word", pattern: `.`, parse: parseLogTarget},
	reflect.TypeFor[MountPath]():     {what: "path of a URL", pattern: `^/([^/]+(/[^/]+)*)?$`, parse: parseMountPath},
	reflect.TypeFor[ObjectName]():    {what: "name of an object", pattern: `^[^/]+(/[^/]+)*$`, parse: parseObjectName},
	reflect.TypeFor[IndexName]():     {what: "name of a file", pattern: `^[^/]+$`, parse: parseIndexName},
	reflect.TypeFor[PageTitle]():     {what: "text", pattern: `.`, parse: parsePageTitle},
	reflect.TypeFor[Color]():         {what: "#rrggbb", pattern: `^#[0-9A-Fa-f]{6}$`, parse: parseColor},
	reflect.TypeFor[Host]():          {what: "host", pattern: `^[A-Za-z0-9._:-]+$`, parse: parseHost},
	reflect.TypeFor[URL]():           {what: "URL", pattern: `^https?://`, parse: parseURL},
	reflect.TypeFor[MediaType]():     {what: "media type", pattern: `^[^ "(),/:;<=>?@{}*]+/([^ "(),/:;<=>?@{}*]+|\*)$`, parse: parseMediaType},
	reflect.TypeFor[Size]():          {what: "size", pattern: `^` + sizePattern + `$`, parse: func(s string) (any, error) { return ParseSize(s) }},
	reflect.TypeFor[Rate]():          {what: "rate", pattern: rate.String(), parse: func(s string) (any, error) { return ParseRate(s) }},
	reflect.TypeFor[ByteRate]():      {what: "bytes per second", pattern: `^(off|` + sizePattern + `/s)$`, parse: parseByteRate},
	reflect.TypeFor[Catalog]():       {what: "catalog", pattern: `^(sqlite:|postgres://|postgresql://).`, parse: parseCatalog},
	reflect.TypeFor[time.Duration](): {what: "duration", pattern: duration.String(), parse: parseDuration, show: func(v any) string { return ShowDuration(v.(time.Duration)) }},
	reflect.TypeFor[Age]():           {what: "duration or days", pattern: agePattern, parse: parseAge},
	reflect.TypeFor[netip.Prefix]():  {what: "network", pattern: `^[0-9A-Fa-f.:]+/[0-9]+$`, parse: parsePrefix},
	reflect.TypeFor[vfs.Pattern]():   {what: "pattern", parse: func(s string) (any, error) { return vfs.ParsePattern(s) }},
	reflect.TypeFor[Suffix]():        {what: "suffix, auto or none", pattern: `^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`, parse: parseSuffix},
	reflect.TypeFor[Who]():           {what: "who", pattern: access.WhoPattern, parse: parseWho},
	reflect.TypeFor[vfs.Op]():        {what: "word", pattern: `^(read|list|write|delete|upload|share)$`, parse: parseOp},
}

func parseAddress(s string) (any, error) {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not an address; write HOST:PORT such as 127.0.0.1:8080, or :8080 for all interfaces", printable(s))
	}
	return Address(s), nil
}

func parsePath(s string) (any, error) {
	if s == "" {
		return nil, errors.New("it is empty; write the path of a file")
	}
	return Path(s), nil
}

func parseLogTarget(s string) (any, error) {
	if s == "" {
		return nil, errors.New("it is empty; write the path of a file, - for standard error, or off")
	}
	if runtime.GOOS == "windows" && (s == "syslog:" || s == "journal:") {
		return nil, errors.New("this system has no such log; write the path of a file")
	}
	return LogTarget(s), nil
}

// IsFile reports whether the target is a file.
func (t LogTarget) IsFile() bool {
	return t != "-" && t != "off" && t != "syslog:" && t != "journal:"
}

func parseSource(s string) (any, error) {
	scheme, _, ok := strings.Cut(s, "://")
	switch {
	case s == "":
		return nil, errors.New("it is empty; name a directory, mem:, or s3://BUCKET/PREFIX")
	case ok && scheme == "s3":
		if _, err := backends.ParseS3(s); err != nil {
			return nil, err
		}
	case ok && !strings.ContainsAny(scheme, `/\`):
		return nil, fmt.Errorf("unknown scheme %s; write the path of a directory, mem:, or s3://BUCKET/PREFIX", printable(scheme))
	}
	return Source(s), nil
}

// Local returns the path of the directory if the source is one.
func (s Source) Local() (dir string, ok bool) {
	if s == "mem:" || s.remote() {
		return "", false
	}
	return string(s), true
}

// remote reports whether the source is on S3.
func (s Source) remote() bool { return strings.HasPrefix(string(s), "s3://") }

func parseMountPath(s string) (any, error) {
	if s == "/" {
		return MountPath(s), nil
	}
	name, ok := strings.CutPrefix(s, "/")
	if !ok {
		return nil, fmt.Errorf("it must begin with a slash: %s", printable("/"+strings.TrimRight(s, "/")))
	}
	if trimmed := strings.TrimRight(name, "/"); trimmed != name && trimmed != "" {
		return nil, fmt.Errorf("it must not end with a slash: %s", printable("/"+trimmed))
	}
	if _, err := vfs.ParseName(name); err != nil {
		return nil, fmt.Errorf("no request can have the path %s: %s", printable(s), vfs.ReasonOf(err).Detail())
	}
	for element := range strings.SplitSeq(name, "/") {
		if vfs.Fold(element) == server.OwnElement {
			return nil, fmt.Errorf("%s is for pages of the server itself; choose another path", printable(element))
		}
	}
	return MountPath(s), nil
}

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

func parseHost(s string) (any, error) {
	host := strings.ToLower(s)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return Host(ip.Unmap().String()), nil
	}
	if len(host) > 253 || !hostName.MatchString(host) {
		return nil, fmt.Errorf("%s is not a host name; write a name such as files.example.org, without a port or a *", printable(s))
	}
	return Host(host), nil
}

func parseURL(s string) (any, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("write https:// and a host")
	}
	// Over plain HTTP, an attacker on the network could supply forged keys.
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, errors.New("write https://; http:// is accepted for this machine only")
	}
	return URL(s), nil
}

func parseObjectName(s string) (any, error) {
	if _, err := vfs.ParseName(s); err != nil {
		return nil, fmt.Errorf("no object can have the name %s: %s", printable(s), vfs.ReasonOf(err).Detail())
	}
	return ObjectName(s), nil
}

func parseIndexName(s string) (any, error) {
	name, err := parseObjectName(s)
	if err == nil && strings.Contains(s, "/") {
		err = fmt.Errorf("%s has a slash; write a name that is looked for in each directory", printable(s))
	}
	if err != nil {
		return nil, err
	}
	return IndexName(name.(ObjectName)), nil
}

func parsePageTitle(s string) (any, error) {
	return PageTitle(s), server.Page{Mode: server.PageFull, Title: s}.Check()
}

func parseColor(s string) (any, error) {
	return Color(s), server.Page{Mode: server.PageFull, Color: s}.Check()
}

func parseMediaType(s string) (any, error) {
	types, err := server.ParseTypes(s)
	if err != nil {
		return nil, err
	}
	return MediaType(types.String()), nil
}

var (
	rate     = regexp.MustCompile(`^(off|[1-9][0-9]*/[smh])$`)
	duration = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`)
)

// ParseRate parses a rate: "100/s", "10/m", "1000/h", or "off" for no limit.
func ParseRate(s string) (Rate, error) {
	if s == "off" {
		return Rate{}, nil
	}
	if !rate.MatchString(s) {
		return Rate{}, errors.New("write a rate per second, minute or hour, such as 100/s, 10/m or 1000/h, or off")
	}
	number, per, _ := strings.Cut(s, "/")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return Rate{}, errors.New("the rate is too high; write off for no limit")
	}
	return Rate{int(n), map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[per]}, nil
}

// String returns the rate in ParseRate's format.
func (r Rate) String() string {
	switch r.Per {
	case time.Second:
		return strconv.Itoa(r.Count) + "/s"
	case time.Minute:
		return strconv.Itoa(r.Count) + "/m"
	case time.Hour:
		return strconv.Itoa(r.Count) + "/h"
	}
	return "off"
}

func parseByteRate(s string) (any, error) {
	if s == "off" {
		return ByteRate(0), nil
	}
	text, ok := strings.CutSuffix(s, "/s")
	n, err := ParseSize(text)
	if !ok || err != nil {
		return nil, errors.New("write a size per second, such as 1KiB/s, or off")
	}
	return ByteRate(n), nil
}

// String returns the rate as it is written in the file.
func (r ByteRate) String() string {
	if r == 0 {
		return "off"
	}
	return Size(r).String() + "/s"
}

func parseDuration(s string) (any, error) {
	d, err := time.ParseDuration(s)
	if !duration.MatchString(s) {
		return nil, errors.New("write a number and a unit, such as 15s, 5m or 24h")
	}
	if err != nil {
		return nil, errors.New("it is too long")
	}
	return d, nil
}

// agePattern matches at least what parseAge accepts.
var agePattern = `^(off|[1-9][0-9]*d|` + strings.Trim(duration.String(), "^$") + `)$`

func parseAge(s string) (any, error) {
	if s == "off" {
		return Age(0), nil
	}
	days, isDays := strings.CutSuffix(s, "d")
	if isDays {
		n, err := strconv.ParseInt(days, 10, 32)
		if err != nil || n <= 0 || n > maxDays || strconv.FormatInt(n, 10) != days {
			return nil, fmt.Errorf("write a number of days from 1d to %dd, such as 180d, or off", maxDays)
		}
		return Age(n * int64(day)), nil
	}
	d, err := parseDuration(s)
	if err != nil {
		return nil, errors.New("write days such as 180d, another length of time such as 12h, or off")
	}
	if age := d.(time.Duration); age < time.Second || age%time.Second != 0 || age > maxDays*day {
		return nil, fmt.Errorf("write whole seconds, from 1s to %dd, or off", maxDays)
	}
	return Age(d.(time.Duration)), nil
}

const (
	day     = 24 * time.Hour
	maxDays = 3650
)

// String returns the age in parseAge's format.
func (a Age) String() string {
	switch d := time.Duration(a); {
	case d == 0:
		return "off"
	case d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	default:
		return ShowDuration(d)
	}
}

// ShowDuration is like d.String() without trailing zeros: 5m, not 5m0s.
// ShowDuration returns d as it is written in the file.
func ShowDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return strings.ReplaceAll(s, "µ", "u")
}

func parsePrefix(s string) (any, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
			return nil, fmt.Errorf("write a network, such as %s/%d for this address only", ip, ip.BitLen())
		}
		return nil, fmt.Errorf("%s is not a network; write one such as 10.0.0.0/8", printable(s))
	}
	switch {
	case p.Masked() != p:
		return nil, fmt.Errorf("the network of %s is %s; write that, or %s/%d for this address only", p, p.Masked(), p.Addr(), p.Addr().BitLen())
	case p.Bits() == 0:
		return nil, errors.New("it matches every client, so any client could forge its address; list only the proxies' networks")
	}
	return p, nil
}

func parseWho(s string) (any, error) {
	if _, err := access.Compile([]access.Rule{{Who: s, Can: []vfs.Op{vfs.OpRead}}}, nil); err != nil {
		return nil, errors.New(ruleErrorText(err))
	}
	return Who(s), nil
}

func parseOp(s string) (any, error) {
	switch op := vfs.Op(s); op {
	case vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, vfs.OpUpload, access.OpShare:
		return op, nil
	}
	return nil, fmt.Errorf("unknown operation %s%s; use read, list, write, delete, upload or share", printable(s),
		suggestion(s, []string{"read", "list", "write", "delete", "upload", "share"}))
}

// resolve makes a path from the file relative to the file's directory, so that it does
// not depend on the working directory.
func resolve(v any, dir string) any {
	under := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	switch v := v.(type) {
	case Path:
		return Path(under(string(v)))
	case Source:
		if path, ok := v.Local(); ok {
			return Source(under(path))
		}
	case LogTarget:
		if v.IsFile() {
			return LogTarget(under(string(v)))
		}
	case Catalog:
		if path, ok := strings.CutPrefix(v.dsn, "sqlite:"); ok {
			return Catalog{"sqlite:" + under(path)}
		}
	}
	return v
}

// text returns a value as it is written in a file.
func (s *scalar) text(v any) string {
	if s.show != nil {
		return s.show(v)
	}
	return fmt.Sprint(v)
}
