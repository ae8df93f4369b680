package server_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Access rules are set once, in the jail. They then authorize requests, decide about 401,
// and keep responses out of caches; nothing else has to be set.
func TestAccessIsWiredOnce(t *testing.T) {
	p := gatePolicy()
	p.Authorize = rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpRead), Names: []string{"home/{user}/**"}})
	h := server.New(jailOver(t, gateTree(), p), server.Config{Auth: server.Auth{Authenticator: chain(people{"alice": {Name: "alice"}})}, MaxAge: time.Hour})
	if r := request(t, h, "GET", "/home/alice/a.txt"); r.Status != 401 || len(r.Header["Www-Authenticate"]) == 0 {
		t.Errorf("anonymous: %d %v", r.Status, r.Header)
	}
	if r := request(t, h, "GET", "/home/bob/b.txt", as("alice")...); r.Status != 404 {
		t.Errorf("an object of bob: %d", r.Status)
	}
	if r := request(t, h, "GET", "/home/alice/a.txt", as("alice")...); r.Status != 200 || r.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("alice: %d %v", r.Status, r.Header)
	}
}

// Constructors panic if a configuration makes no sense.
func TestConstructorsRefuseNonsense(t *testing.T) {
	full := rules(t, nil, access.Rule{Who: "anyone", Can: can(vfs.OpRead, vfs.OpUpload)})
	who, keys := chain(people{}), ring(t, "one")
	closed := allow("**")
	closed.Authorize = full
	open, guarded := jailOver(t, mem.New(), allow("**")), jailOver(t, mem.New(), closed)
	readOnly := jail(t, nil, allow("**"))
	uploads, cat := jailOver(t, mem.New(), catalog.Policy()), &memcatalog.Catalog{}
	guardedUploads := catalog.Policy()
	guardedUploads.Authorize = full

	newServer := func(j *vfs.Jail, cfg server.Config) func() {
		return func() { server.New(j, cfg) }
	}
	newUploads := func(j *vfs.Jail, c catalog.Catalog, cfg server.UploadConfig) func() {
		return func() { server.NewUploads(j, c, cfg) }
	}
	limit := func(l server.Limits) func() {
		return func() { server.Limit(http.NotFoundHandler(), l) }
	}
	for what, tt := range map[string]struct {
		make func()
		want string // part of the panic's text; "" for no panic
	}{
		"the zero Config":              {newServer(open, server.Config{}), ""},
		"no jail":                      {newServer(nil, server.Config{}), "vfs.New"},
		"credentials without rules":    {newServer(open, server.Config{Auth: server.Auth{Authenticator: who}}), "vfs.Policy.Authorize"},
		"an empty Chain without rules": {newServer(open, server.Config{Auth: server.Auth{Authenticator: &auth.Chain{}}}), "vfs.Policy.Authorize"},
		"a log-in page without rules":  {newServer(open, server.Config{Auth: server.Auth{Unauthorized: http.NotFoundHandler()}}), "vfs.Policy.Authorize"},
		"links without rules":          {newServer(open, server.Config{Auth: server.Auth{Links: keys}}), "vfs.Policy.Authorize"},
		"credentials and rules":        {newServer(guarded, server.Config{Auth: server.Auth{Authenticator: who, Links: keys, Uses: &links.Memory{}}}), ""},
		"rules alone":                  {newServer(guarded, server.Config{}), ""},
		"Uses without Links":           {newServer(guarded, server.Config{Auth: server.Auth{Authenticator: who, Uses: &links.Memory{}}}), "no Links"},
		"Redirect without Links":       {newServer(guarded, server.Config{Auth: server.Auth{Redirect: time.Minute}}), "no Links"},
		"redirect below 0":             {newServer(guarded, server.Config{Auth: server.Auth{Links: keys, Redirect: -1}}), "Auth.Redirect"},
		"Write to a read-only backend": {newServer(readOnly, server.Config{Write: true}), "cannot be written to"},
		"an unknown Content":           {newServer(open, server.Config{Content: 3}), "Config.Content"},
		"MaxAge below 0":               {newServer(open, server.Config{MaxAge: -time.Second}), "Config.MaxAge"},
		"MinRate below 0":              {newServer(open, server.Config{MinRate: -1}), "Config.MinRate"},
		"Timeout below 0":              {newServer(open, server.Config{Intake: server.Intake{Timeout: -1}}), "Intake.Timeout"},
		"Idle below 0":                 {newServer(open, server.Config{Intake: server.Intake{Idle: -1}}), "Intake.Idle"},
		"zero Intake.Slots":            {newServer(open, server.Config{Intake: server.Intake{Slots: &server.Slots{}}}), "Intake.Slots"},
		"MaxBytes below 0":             {newServer(open, server.Config{Intake: server.Intake{MaxBytes: -1}}), ""},

		"the zero UploadConfig":                   {newUploads(uploads, cat, server.UploadConfig{}), ""},
		"uploads to no jail":                      {newUploads(nil, cat, server.UploadConfig{}), "vfs.New"},
		"uploads without catalog":                 {newUploads(uploads, nil, server.UploadConfig{}), "catalog is nil"},
		"uploads with another policy":             {newUploads(jailOver(t, mem.New(), allow("*.txt")), cat, server.UploadConfig{}), "catalog.Policy()"},
		"uploads to a read-only backend":          {newUploads(jailOver(t, jailFS(nil), catalog.Policy()), cat, server.UploadConfig{}), "cannot be written to"},
		"uploads with rules in the jail":          {newUploads(jailOver(t, mem.New(), guardedUploads), cat, server.UploadConfig{}), "UploadConfig.Authorize"},
		"uploads with rules in both places":       {newUploads(jailOver(t, mem.New(), guardedUploads), cat, server.UploadConfig{Authorize: server.UploadRules(full)}), "UploadConfig.Authorize"},
		"uploads with credentials, without rules": {newUploads(uploads, cat, server.UploadConfig{Auth: server.Auth{Authenticator: who}}), "UploadConfig.Authorize"},
		"uploads with links, without rules":       {newUploads(uploads, cat, server.UploadConfig{Auth: server.Auth{Links: keys}}), "UploadConfig.Authorize"},
		"uploads with credentials and rules":      {newUploads(uploads, cat, server.UploadConfig{Auth: server.Auth{Authenticator: who}, Authorize: server.OwnersDelete()}), ""},
		"uploads: MaxFiles below 0":               {newUploads(uploads, cat, server.UploadConfig{MaxFiles: -1}), "UploadConfig.MaxFiles"},
		"uploads: MaxRequest below 0":             {newUploads(uploads, cat, server.UploadConfig{MaxRequestBytes: -1}), "UploadConfig.MaxRequestBytes"},
		"uploads: MaxAge below 0":                 {newUploads(uploads, cat, server.UploadConfig{MaxAge: -1}), "UploadConfig.MaxAge"},
		"uploads: TouchEvery below 0":             {newUploads(uploads, cat, server.UploadConfig{TouchEvery: -1}), "UploadConfig.TouchEvery"},
		"uploads: MinRate below 0":                {newUploads(uploads, cat, server.UploadConfig{MinRate: -1}), "UploadConfig.MinRate"},
		"uploads: Timeout below 0":                {newUploads(uploads, cat, server.UploadConfig{Intake: server.Intake{Timeout: -1}}), "Intake.Timeout"},

		"the zero Limits":        {limit(server.Limits{}), ""},
		"Limit of a nil handler": {func() { server.Limit(nil, server.Limits{}) }, "next handler"},
		"0 slots":                {func() { server.NewSlots(0) }, "n is 0"},
		"slots below 0":          {func() { server.NewSlots(-1) }, "n is -1"},
		"rate NaN":               {func() { server.NewRates(math.NaN(), 1) }, "perSecond"},
		"infinite rate":          {func() { server.NewRates(math.Inf(1), 1) }, "perSecond"},
		"rate below 0":           {func() { server.NewRates(-1, 1) }, "perSecond"},
		"zero Rates":             {limit(server.Limits{PerClient: &server.Rates{}}), "NewRates"},
		"zero Slots":             {limit(server.Limits{InFlight: &server.Slots{}}), "NewSlots"},
		"rate 0":                 {func() { server.NewRates(0, 1) }, "perSecond"},
		"burst below 0":          {func() { server.NewRates(1, -1) }, "burst"},
	} {
		if got := panicOf(tt.make); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: panicked with %q, want %q", what, got, tt.want)
		}
	}
}

// panicOf returns the text that f panics with, "" if it does not panic.
func panicOf(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}
