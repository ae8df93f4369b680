package server_test

import (
	"net/http"
	"time"

	"pgregory.net/rapid"
)

// parityNames conflict with each other: as directories of others, by case, by rules, and in
// the order of listings.
var parityNames = []string{
	"a", "A", "a/b", "a/c", "a/b/c", "A/d", "a-b", "a0", "a.txt", "dir/x", "dir/Sub/y", "dir/sub/z", "DIR/w", "dir", "file", "file/x", "file/x/y/z",
	"é", "É", "e\u0301", "with space", "100%", "a+b", "#&=;", "日本/x", "aux.txt", "x:y", "trailing ", ".hidden", "dir/.git/config", "denied", "denied/x",
}

var parityDirs = []string{"", "a/", "dir/", "dir/sub/", "A/", "日本/", "denied/", "missing/", "a/b/"}

// fixedTime replaces the date of a missing object.
var fixedTime = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// noRedirects does not follow redirects.
var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

var paritySteps = rapid.Custom(func(rt *rapid.T) parityStep {
	s := parityStep{
		Method: rapid.SampledFrom([]string{"PUT", "PUT", "PUT", "DELETE", "GET", "GET", "GET", "HEAD"}).Draw(rt, "method"),
		// Mostly few names, so that many requests meet the results of others; sometimes any
		// name.
		Name: rapid.SampledFrom(parityNames[:8]).Draw(rt, "name"),
	}
	if rapid.Bool().Draw(rt, "any name") {
		s.Name = rapid.SampledFrom(parityNames).Draw(rt, "of all names")
	}
	s.Narrow = rapid.IntRange(0, 2).Draw(rt, "by the narrow mount") == 2
	reads := s.Method == "GET" || s.Method == "HEAD"
	if rapid.IntRange(0, 9).Draw(rt, "of a directory") == 9 {
		s.Name = rapid.SampledFrom(parityDirs).Draw(rt, "directory")
		if reads {
			s.After = rapid.SampledFrom([]string{"", "", "a", "a/", "a-b", "dir/", "zzz"}).Draw(rt, "after")
			s.Limit = rapid.IntRange(0, 3).Draw(rt, "limit")
		}
		return s
	}
	if s.Method == "PUT" {
		s.Body = rapid.StringMatching(`[a-e]{0,30}`).Draw(rt, "body")
		s.ContentLengthy = rapid.Bool().Draw(rt, "with length")
	}
	tags := rapid.SliceOfN(rapid.SampledFrom([]parityTag{tagCurrent, tagCurrent, tagWeak, tagStale, tagOther, tagBroken}), 1, 3)
	list := rapid.Custom(func(rt *rapid.T) []parityTag {
		if rapid.IntRange(0, 3).Draw(rt, "any") == 3 {
			return []parityTag{tagAny}
		}
		return tags.Draw(rt, "tags")
	})
	sometimes := func(what string) bool { return rapid.IntRange(0, 4).Draw(rt, what) == 4 }
	date := rapid.SampledFrom([]parityTime{timeBefore, timeSame, timeAfter, timeBroken})
	if sometimes("If-Match") {
		s.IfMatch = list.Draw(rt, "If-Match tags")
	}
	if sometimes("If-None-Match") {
		s.IfNoneMatch = list.Draw(rt, "If-None-Match tags")
	}
	if sometimes("If-Unmodified-Since") {
		s.Unmodified = date.Draw(rt, "If-Unmodified-Since date")
	}
	if !reads {
		return s
	}
	if sometimes("If-Modified-Since") {
		s.Modified = date.Draw(rt, "If-Modified-Since date")
	}
	if rapid.Bool().Draw(rt, "with a range") {
		s.Range = rapid.OneOf(
			rapid.StringMatching(`bytes=([0-9]|[1-4][0-9])?-([0-9]|[1-4][0-9])?`),
			rapid.SampledFrom([]string{"bytes=0-", "bytes=-0", "bytes=-1", "bytes=999-", "BYTES=1-2", "bytes=0-1,3-4", "items=0-1", "bytes=x", "bytes=0-99999999999999"}),
		).Draw(rt, "range")
		switch rapid.IntRange(0, 3).Draw(rt, "If-Range") {
		case 1:
			s.IfRange = rapid.SampledFrom([]parityTag{tagCurrent, tagWeak, tagStale, tagOther, tagBroken}).Draw(rt, "If-Range tag")
		case 2:
			// The date of the object is a strong validator only once it is a second old.
			s.IfRangeTime = rapid.SampledFrom([]parityTime{timeBefore, timeAfter, timeBroken}).Draw(rt, "If-Range date")
		}
	}
	return s
})
