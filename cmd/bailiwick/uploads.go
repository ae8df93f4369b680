package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/steward"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// uploadFlags turn serve into a server of uploads.
type uploadFlags struct {
	on      toggle
	catalog string
}

func (f *uploadFlags) register(cmd *cobra.Command) {
	addToggle(cmd, &f.on, "uploads", "", "take uploads by POST and store them under names that the server makes; with --catalog, and without rules")
	cmd.Flags().StringVar(&f.catalog, "catalog", "", catalogUsage)
}

// checkUploads refuses flags that contradict each other.
func (a *app) checkUploads(f *serveFlags) error {
	on := a.origin("uploads")
	switch u := &f.uploads; {
	case !bool(u.on) && u.catalog == "":
		return nil
	case !bool(u.on):
		return usagef("%s is for uploads: add --uploads, or leave it out", a.origin("catalog"))
	case u.catalog == "":
		return usagef("%s needs a catalog for what users call their files: --catalog sqlite:PATH, or postgres://… for several servers", on)
	case bool(f.write):
		return usagef("%s and %s contradict each other: names are made either by the server or by clients", on, a.origin("write"))
	case len(f.rules.allow)+len(f.rules.deny)+len(f.rules.allowFiles) > 0:
		return usagef("%s takes no rules: it lets through the names that it makes, and no other; leave --allow, --deny and --allow-file out", on)
	case bool(f.list):
		return usagef("%s and %s contradict each other: only who knows the name of an upload gets it", on, a.origin("list"))
	case bool(f.precomp):
		return usagef("%s and %s contradict each other: an upload comes back as it was sent", on, a.origin("precompressed"))
	case f.content.value == "trusted":
		return usagef("%s and %s trusted contradict each other: uploads are other people's", on, a.origin("content"))
	}
	return nil
}

// uploads are what serve holds of a server of uploads besides its source.
type uploads struct {
	catalog catalog.Catalog
	jail    *vfs.Jail // for the sweeper
	stop    context.CancelFunc
	sweeper sync.WaitGroup
}

// sweepEvery is how often a server looks for what others left.
const sweepEvery = 10 * time.Minute

// startSweepBudget is how long a start may be held up by a sweep. What is left then
// the next one clears.
const startSweepBudget = 30 * time.Second

// openUploads opens what a server of uploads needs.
func (s *service) openUploads(ctx context.Context, source string) error {
	src, jail, cat, err := s.app.openUploads(ctx, source, s.flags.uploads.catalog, backends.Options{Writable: true})
	if err != nil {
		return err
	}
	s.source, s.jail = src, jail
	s.uploads = &uploads{catalog: cat, jail: jail, stop: func() {}}
	return nil
}

// uploadHandler answers requests out of jail.
func (s *service) uploadHandler(jail *vfs.Jail) http.Handler {
	return server.NewUploads(jail, s.uploads.catalog, server.UploadConfig{
		Intake:   s.intake,
		MaxAge:   time.Duration(s.flags.maxAge),
		Recorder: s.recorder(),
		Logger:   s.logger,
	})
}

// tellUploads says what is taken, and by what it is found again.
func (s *service) tellUploads() {
	s.tell("clients can upload: POST / stores each file under a new name, and whoever knows that name gets it; files up to %s, types %s", &s.flags.intake.max, s.intake.Types)
	s.tell("content: untrusted, pages and other active content are downloaded and not shown")
}

// startSweeping clears what a crash has left, and goes on doing so now and then
// until close.
func (s *service) startSweeping(ctx context.Context) {
	first, cancel := context.WithTimeout(ctx, startSweepBudget)
	s.sweep(first)
	cancel()
	ctx, s.uploads.stop = context.WithCancel(ctx)
	s.uploads.sweeper.Go(func() {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.sweep(ctx)
			}
		}
	})
}

// sweep clears what was left, and speaks of it only if there was something.
func (s *service) sweep(ctx context.Context) {
	swept, err := steward.Sweep(ctx, s.uploads.jail, s.uploads.catalog, time.Now().Add(-uploadAge))
	// Nobody knows whose an upload in parts is: only that it has taken longer than
	// any may.
	parts, partsErr := sweepParts(ctx, s.source, s.intake.Timeout+uploadAge)
	if err == nil {
		err = partsErr
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.tell("bailiwick: sweeping uploads that were left did not end, and is tried again: %s", oneLine(err))
	case swept != steward.Swept{} || parts > 0:
		s.tell("%s", sweptText(swept, parts))
	}
}

// close ends the sweeper and closes the catalog.
func (u *uploads) close() {
	u.stop()
	u.sweeper.Wait()
	u.catalog.Close()
}
