package probe

import (
	"context"
	"net/http"
)

// askMethods tries to change files of the tree, and to get one by a method that is to change
// it.
func (s *session) askMethods(ctx context.Context) error {
	name := s.m.Shape.name(methodName)
	if !s.legal(name) || s.skips(Method) {
		return nil
	}
	before, err := s.ask(ctx, get(s.path(name)), "")
	if err != nil {
		return err
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		req := request{method: method, target: s.path(name)}
		if method != http.MethodDelete {
			req.body = "changed"
		}
		r, err := s.ask(ctx, req, "")
		if err != nil {
			return err
		}
		if r.status/100 == 2 && r.body != "" {
			s.find(Method, req, r, "a response with content")
		}
		after, err := s.ask(ctx, get(s.path(name)), "")
		if err != nil {
			return err
		}
		if after.status != before.status || after.body != before.body {
			s.find(Method, req, r, "it changed the file")
			before = after
		}
	}
	made := request{method: http.MethodPut, target: s.path(s.m.Shape.name("made-" + s.m.Secret)), body: "made"}
	r, err := s.ask(ctx, made, "")
	if err != nil {
		return err
	}
	after, err := s.ask(ctx, get(made.target), "")
	if err != nil {
		return err
	}
	if after.status == http.StatusOK && after.body == made.body {
		s.find(Method, made, r, "it made a file")
	}
	return nil
}

// askFIFO asks for a FIFO, whose opening waits for a writer.
func (s *session) askFIFO(ctx context.Context) error {
	if s.m.FIFO == "" || s.skips(Hang) {
		return nil
	}
	var last request
	var r reply
	for _, last = range []request{{method: http.MethodHead, target: s.path(s.m.FIFO)}, get(s.path(s.m.FIFO))} {
		var err error
		if r, err = s.ask(ctx, last, ""); err != nil {
			return err
		}
	}
	if !s.local {
		return nil
	}
	// A server may have opened it without blocking, and close it after its response.
	if _, err := s.ask(ctx, get(s.path(s.m.Shape.name(markerName))), ""); err != nil {
		return err
	}
	s.rest(ctx)
	if s.look() && !r.timeout {
		s.find(Hang, last, r, "a FIFO stays open after the response: a thread waits until someone writes to it")
	}
	return nil
}
