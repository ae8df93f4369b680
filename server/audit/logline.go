package audit

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// The maximum length of each part of a line, in bytes as printed. A line stays below
// 16 KiB: most systems do not split a write of that size to a pipe or a file in append
// mode, and a parser can bound its buffer.
const (
	maxShort     = 128
	maxPrincipal = 768 // room for 128 letters if all of them are escaped
	maxRaw       = 8 << 10
	maxName      = 3 << 10
	maxRule      = 3 << 10
)

// appendJSON appends a as one line of JSON.
func appendJSON(b []byte, a *Attempt) []byte {
	b = append(b, `{"time":"`...)
	b = a.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","request_id":"`...)
	b = appendUUID(b, a)
	b = appendField(b, `","remote":"`, a.Remote, maxShort)
	b = appendField(b, `","method":"`, a.Method, maxShort)
	b = appendField(b, `","raw":"`, a.Raw, limitRaw(a))
	b = appendField(b, `","name":"`, a.Name.String(), maxName)
	b = appendField(b, `","principal":"`, a.Principal, maxPrincipal)
	b = appendField(b, `","verdict":"`, string(a.Verdict), maxShort)
	b = appendField(b, `","reason":"`, string(a.Reason), maxShort)
	b = appendField(b, `","rule":"`, a.Rule, maxRule)
	b = appendField(b, `","backend":"`, a.Backend, maxShort)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(a.Status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, a.Bytes, 10)
	b = append(b, `,"aborted":`...)
	b = strconv.AppendBool(b, a.Aborted)
	b = append(b, `,"duration_ms":`...)
	b = appendMillis(b, a.Duration)
	if !a.To.IsZero() {
		b = appendField(b, `,"to":"`, a.To.String(), maxName)
		b = append(b, '"')
	}
	if a.Received > 0 {
		b = append(b, `,"received":`...)
		b = strconv.AppendInt(b, a.Received, 10)
	}
	if a.Share != "" {
		b = appendField(b, `,"share":"`, a.Share, maxShort)
		b = append(b, '"')
	}
	if a.Cache != "" {
		b = appendField(b, `,"cache":"`, string(a.Cache), maxShort)
		b = append(b, '"')
	}
	if a.Part {
		b = append(b, `,"part":true`...)
	}
	if a.Archive {
		b = append(b, `,"archive":true`...)
	}
	return append(b, "}\n"...)
}

// limitRaw returns the limit of Raw, which makes room for a second name.
func limitRaw(a *Attempt) int {
	if a.To.IsZero() {
		return maxRaw
	}
	return maxRaw - maxName
}

// anyone is the principal of a request without credentials.
var anyone = auth.Principal{}.String()

// appendText appends a as one line for people: time, caller, request, outcome and
// reason.
func appendText(b []byte, a *Attempt) []byte {
	b = a.Time.Local().AppendFormat(b, "15:04:05.000 ")
	b = appendField(b, "", a.Remote, maxShort)
	if a.Principal != "" && a.Principal != anyone {
		b = appendField(b, " ", a.Principal, maxPrincipal)
	}
	if a.Share != "" {
		b = appendField(b, " by ", a.Share, maxShort)
	}
	b = appendField(b, " ", a.Method, maxShort)
	b = appendField(b, " ", a.Raw, limitRaw(a))
	if !a.To.IsZero() {
		b = appendField(b, " to /", a.To.String(), maxName)
	}
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(a.Status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, a.Bytes, 10)
	b = append(b, "B "...)
	b = appendMillis(b, a.Duration)
	b = appendField(b, "ms ", string(a.Verdict), maxShort)
	if a.Reason != "" {
		b = appendField(b, " ", string(a.Reason), maxShort)
	}
	if a.Rule != "" {
		b = appendField(b, " by ", a.Rule, maxRule)
	}
	if a.Received > 0 {
		b = append(b, " received "...)
		b = strconv.AppendInt(b, a.Received, 10)
		b = append(b, 'B')
	}
	if a.Cache != "" {
		b = appendField(b, " cache ", string(a.Cache), maxShort)
	}
	if a.Part {
		b = appendField(b, " part /", a.Name.String(), maxName)
	}
	if a.Archive {
		b = append(b, " archive"...)
	}
	if a.Aborted {
		b = append(b, " aborted"...)
	}
	return append(b, '\n')
}

func appendUUID(b []byte, a *Attempt) []byte {
	const digits = "0123456789abcdef"
	for i, c := range a.RequestID {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[c>>4], digits[c&0xf])
	}
	return b
}

// appendMillis appends d in milliseconds, with three decimals.
func appendMillis(b []byte, d time.Duration) []byte {
	us := max(d.Microseconds(), 0)
	b = strconv.AppendInt(b, us/1000, 10)
	b = append(b, '.')
	return append(b, digit(int(us/100)), digit(int(us/10)), digit(int(us)))
}

// digit returns the last decimal digit of n.
func digit(n int) byte { return byte('0' + n%10) }

// appendField appends key and then s, made safe as appendSafe does.
func appendField(b []byte, key, s string, limit int) []byte {
	return appendSafe(append(b, key...), s, limit)
}

// appendSafe appends s as the inside of a JSON string that is also safe on a terminal:
// characters that do not print (line ends, escape sequences, bidi controls) are escaped,
// and invalid UTF-8 is replaced. If the result would exceed limit bytes, it is cut and
// ends in an ellipsis.
func appendSafe(b []byte, s string, limit int) []byte {
	end := len(b) + limit
	i := 0
	if len(s) < limit {
		i = plain(s)
		b = append(b, s[:i]...)
	}
	for i < len(s) {
		if len(b) > end-len(`\ud800\udc00…`) {
			return append(b, "…"...)
		}
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c >= ' ' && c != 0x7f:
				b = append(b, c)
			default:
				b = appendEscape(b, uint16(c))
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r <= 0xffff:
			b = appendEscape(b, uint16(r))
		default:
			r -= 0x10000
			b = appendEscape(b, uint16(0xd800+r>>10))
			b = appendEscape(b, uint16(0xdc00+r&0x3ff))
		}
	}
	return b
}

// plain returns how many bytes at the start of s need no escape.
func plain(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}

// appendEscape appends a UTF-16 unit as \uXXXX.
func appendEscape(b []byte, u uint16) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[u>>12], digits[u>>8&0xf], digits[u>>4&0xf], digits[u&0xf])
}
