package vfs

import (
	"context"
	"errors"
)

// Copy stores the object from of src, which may be j itself, under the name to. It
// reads as src.Get does and writes as j.Put does: it stores the bytes of a single
// version, or nothing. Size and Encoding are those of the source object, and so are
// ContentType and ContentTime unless opts sets them; its ModTime replaces an unknown
// ContentTime. It fails with [ErrPrecondition] if opts.Source does not hold for from, and with
// [ErrUnfit] if opts.KeepEncoding is set and to cannot record the object's content coding.
// If the store can copy objects itself, Copy uses that; see driver.Copier.
func (j *Jail) Copy(ctx context.Context, to Name, src *Jail, from Name, opts PutOptions) (Written, error) {
	// Check the write first, so that nothing is read for a name that may not be
	// written.
	v := j.admit(ctx, OpWrite, to)
	if err := v.err("put"); err != nil {
		return Written{}, err
	}
	if j.copiesFrom(src) {
		version, err := src.Head(ctx, from, Request{Cond: opts.source()})
		if err != nil {
			return Written{}, err
		}
		if w, err := j.copyInside(ctx, &v, src, &version, opts); !errors.Is(err, ErrUnsupported) {
			return w, err
		}
	}
	obj, err := src.Get(ctx, from, Request{Cond: opts.source()})
	if err != nil {
		return Written{}, err
	}
	return j.putCopy(ctx, to, obj, opts)
}

// putCopy stores the object's bytes under the name to, and closes it.
func (j *Jail) putCopy(ctx context.Context, to Name, obj *Object, opts PutOptions) (Written, error) {
	defer obj.Body.Close()
	opts = opts.describing(&obj.Info)
	w, err := j.Put(ctx, to, obj.Body, opts)
	if err == nil && w.Info.Encoding == "" {
		w.LostEncoding = opts.Encoding
	}
	return w, err
}

// source returns the condition on the source. It guards a change: where a read would
// fail with ErrNotModified, a copy fails with ErrPrecondition.
func (opts *PutOptions) source() Cond {
	c := opts.Source
	c.Unsafe = true
	return c
}

// describing returns opts for a copy of the object that info describes.
func (opts PutOptions) describing(info *Info) PutOptions {
	opts.Size, opts.SizeKnown, opts.Encoding = info.Size, true, info.Encoding
	if opts.ContentType == "" {
		opts.ContentType = info.ContentType
	}
	if opts.ContentTime.IsZero() {
		opts.ContentTime = info.ContentTime
	}
	if opts.ContentTime.IsZero() {
		opts.ContentTime = info.ModTime
	}
	return opts
}

// copiesFrom reports whether the store could copy objects of src itself.
func (j *Jail) copiesFrom(src *Jail) bool {
	return j.caps.Copies && src.caps.Kind == j.caps.Kind && src.symlinks == SymlinksRefuse
}

// copyInside lets the store make the copy of a version. It fails with ErrUnsupported,
// without having changed anything, if the bytes must be read and written instead.
func (j *Jail) copyInside(ctx context.Context, v *Verdict, src *Jail, version *Info, opts PutOptions) (Written, error) {
	store, ok := j.backend.(interface {
		CopyFrom(ctx context.Context, n Name, src Backend, from Info, opts PutOptions) (Info, error)
	})
	opts = opts.describing(version)
	if !ok || !j.copiesFrom(src) || !j.caps.Keeps(&opts) {
		return Written{}, ErrUnsupported
	}
	return j.inside(ctx, v, opts, func(opts PutOptions) (Info, error) {
		return store.CopyFrom(ctx, v.Name, src.backend, *version, opts)
	})
}

// inside prepares the name and lets the store write it.
func (j *Jail) inside(ctx context.Context, v *Verdict, opts PutOptions, write func(PutOptions) (Info, error)) (Written, error) {
	opts.Cond.Unsafe = true
	p, err := j.prepare(ctx, v.Name, opts.Cond, opts.leaving)
	if err != nil {
		return Written{}, outward("put", v.Name, v.Rule, err)
	}
	defer p.leave()
	info, err := write(opts)
	if err != nil {
		return p.stored(Info{}, outward("put", v.Name, v.Rule, err))
	}
	info.Name, info.Rule = v.Name, v.Rule
	return p.stored(info, nil)
}
