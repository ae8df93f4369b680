package server

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// cond returns the condition under which each file is stored.
func (p *posted) cond() (vfs.Cond, error) {
	only := httpheader.Conditions(p.x.r).IfNoneMatch.Any || !p.replace
	if p.etag == "" {
		return newOnly(only), nil
	}
	if only || len(p.files) > 1 {
		return vfs.Cond{}, errReplace
	}
	return vfs.Cond{IfMatch: ifMatch(p.etag)}, nil
}

// judgeEarly refuses a file before its content is received, if nothing that may follow in the
// form can change that. It leaves names alone that the caller may not read: the time of the
// response, and how much of the form was read by then, would reveal whether they exist.
func (p *posted) judgeEarly(f *postedFile) {
	if !p.x.mayRead(f.name) {
		return
	}
	cond, err := p.cond()
	if err != nil {
		return
	}
	err = p.h.jail.CheckPut(p.x.ctx, cond, f.name)[0]
	if errors.Is(err, vfs.ErrPrecondition) && !errors.Is(err, fs.ErrNotExist) && !p.set["replace"] {
		return
	}
	f.err, f.byStore = p.h.hideSibling(err), err != nil
}

// judge finds out which files cannot be stored, before any is.
func (p *posted) judge() error {
	cond, err := p.cond()
	if err != nil {
		return err
	}
	names := make([]vfs.Name, len(p.files))
	for i, f := range p.files {
		names[i] = f.name
	}
	for i, err := range p.h.jail.CheckPut(p.x.ctx, cond, names...) {
		p.files[i].err, p.files[i].byStore = p.h.hideSibling(err), err != nil
		p.failed = p.failed || err != nil
	}
	return nil
}

// commit stores the files. If one cannot be stored after all, it removes those before it.
func (p *posted) commit() {
	defer func() {
		if p.failed {
			p.undo()
		}
	}()
	p.failed = true // until all are stored, also if a backend panics
	cond, _ := p.cond()
	for _, f := range p.files {
		if err := p.put(f, cond); err != nil {
			if failure := f.body.failure(); failure != nil {
				err = failure
			}
			f.err, f.byStore = p.h.hideSibling(err), true
			return
		}
		f.stored = true
		p.x.recordStored(f.name, &f.written, storedStatus(&f.written), f.body.upload.Size)
	}
	p.failed = false
}

// put stores a file. If the file may replace an object, it is first stored as a new one: undo
// can remove what this request has created without removing something of others. If there is an
// object, it is replaced in the version that is known, not in a newer one.
func (p *posted) put(f *postedFile, cond vfs.Cond) (err error) {
	store := func(cond vfs.Cond) error {
		f.body.again()
		f.written, err = p.h.jail.Put(p.x.ctx, f.name, f.body, vfs.PutOptions{
			Cond: cond,
			Size: f.body.upload.Size, SizeKnown: true,
			ContentType: f.body.upload.Type,
		})
		return err
	}
	if cond.NeedsObject() {
		return store(cond)
	}
	err = store(newOnly(true))
	f.created = err == nil
	if cond.IfNoneMatch.Any || !errors.Is(err, vfs.ErrPrecondition) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if e, ok := errors.AsType[*vfs.Error](err); ok && e.Info != nil && e.Info.ETag != "" {
		cond.IfMatch.List = []vfs.Tag{{Value: e.Info.ETag, Set: true}}
	}
	return store(cond)
}

// undo removes the files that this request has created, in the version that it has created.
// It cannot bring back what it has replaced.
func (p *posted) undo() {
	ctx, cancel := afterwards(p.x.ctx)
	defer cancel()
	for _, f := range p.files {
		if !f.created {
			continue
		}
		if err := p.h.jail.TakeBack(ctx, f.written); err != nil {
			p.x.log("removing a file of a form that failed", err)
			continue
		}
		f.stored, f.created = false, false
		p.x.recordPart(&audit.Attempt{
			Method: http.MethodDelete, Name: f.name, Verdict: audit.Allowed, Rule: f.written.Info.Rule, Status: http.StatusNoContent,
		})
	}
}
