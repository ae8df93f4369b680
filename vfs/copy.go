package vfs

import (
	"context"
	"errors"
)

// Copy stores the object from of src, which may be j itself, under the name to. It
// reads as src.Get does and writes as j.Put does: it stores the bytes of a single
// version, or nothing. Size and Encoding are those of the source object, and so are
// ContentType and ContentTime unless opts sets them; its ModTime replaces an unknown
// ContentTime. If the store can copy objects itself, Copy uses that; see driver.Copier.
func (j *Jail) Copy(ctx context.Context, to Name, src *Jail, from Name, opts PutOptions) (Written, error) {
	// Check the write first, so that nothing is read for a name that may not be
	// written.
	v := j.admit(ctx, OpWrite, to)
	if err := v.err("put"); err != nil {
		return Written{}, err
	}
	if w, err := j.copyInside(ctx, &v, src, from, opts); !errors.Is(err, ErrUnsupported) {
		return w, err
	}
	obj, err := src.Get(ctx, from, Request{})
	if err != nil {
		return Written{}, err
	}
	defer obj.Body.Close()
	opts = opts.describing(&obj.Info)
	w, err := j.Put(ctx, to, obj.Body, opts)
	if err == nil && w.Info.Encoding == "" {
		w.LostEncoding = opts.Encoding
	}
	return w, err
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

// copyInside lets the store make the copy. It fails with ErrUnsupported, without having
// changed anything, if the bytes must be read and written instead.
func (j *Jail) copyInside(ctx context.Context, v *Verdict, src *Jail, from Name, opts PutOptions) (Written, error) {
	store, ok := j.backend.(interface {
		CopyFrom(ctx context.Context, n Name, src Backend, from Info, opts PutOptions) (Info, error)
	})
	if !ok || !j.caps.Copies || src.caps.Kind != j.caps.Kind || src.symlinks != SymlinksRefuse {
		return Written{}, ErrUnsupported
	}
	version, err := src.Head(ctx, from, Request{})
	if err != nil {
		return Written{}, err
	}
	opts = opts.describing(&version)
	opts.Cond.Unsafe = true
	replaces, leave, err := j.prepare(ctx, v.Name, opts.Cond)
	if err != nil {
		return Written{}, outward("put", v.Name, v.Rule, err)
	}
	defer leave()
	info, err := store.CopyFrom(ctx, v.Name, src.backend, version, opts)
	if err != nil {
		return Written{}, outward("put", v.Name, v.Rule, err)
	}
	info.Name, info.Rule = v.Name, v.Rule
	return Written{Info: info, Replaced: replaces}, nil
}
