package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

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

// ShowDuration returns d as it is written in the file: d.String() without trailing zeros, 5m and
// not 5m0s.
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
