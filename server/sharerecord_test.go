package server_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// TestShareFileRecords: the record of a file that somebody has sent says as much as that of a PUT.
func TestShareFileRecords(t *testing.T) {
	s := newSharing(t)
	m := s.share("alice", fields{"path": "/files/drop/", "upload": true})
	s.rec.list = nil
	body, headers := filesForm("a.txt", "four")
	if r := s.send("POST", m.URL, body, headers...); r.Status != 201 {
		t.Fatalf("%d %q", r.Status, r.Body)
	}
	a := s.rec.list[0]
	if !a.Part || a.Name.String() != "drop/a.txt" || a.Rule != "**" || a.Received != 4 || a.Status != 201 || a.Verdict != audit.Allowed {
		t.Errorf("%+v", a)
	}
}
