package audit

import "github.com/bailiwick-fs/bailiwick/vfs"

// The reasons for which package server refuses a request or fails, in addition to those of
// package vfs. Their strings are stable.
const (
	ReasonMethod        vfs.Reason = "method"               // a method that the handler does not support
	ReasonNameRewritten vfs.Reason = "name.rewritten"       // URL.Path and URL.RawPath disagree
	ReasonHost          vfs.Reason = "host"                 // a host that is not served
	ReasonDestination   vfs.Reason = "request.destination"  // the Destination or Overwrite of a COPY or MOVE
	ReasonAction        vfs.Reason = "request.action"       // the fields of a form that changes objects
	ReasonCrossOrigin   vfs.Reason = "request.cross_origin" // a page of another site made a browser send it

	// Authentication and signed links.
	ReasonCredentials vfs.Reason = "auth.credentials" // wrong, malformed or expired credentials
	ReasonRequired    vfs.Reason = "auth.required"    // no credentials where they are needed
	ReasonThrottled   vfs.Reason = "auth.throttled"   // too many failed log-ins from this client
	ReasonAuth        vfs.Reason = "auth.unavailable" // credentials cannot be checked now
	ReasonSignedIn    vfs.Reason = "auth.signed_in"   // a session began; the verdict is allowed
	ReasonSignedOut   vfs.Reason = "auth.signed_out"  // a browser was told to forget its session; likewise
	ReasonLink        vfs.Reason = "link"             // an invalid signed link
	ReasonLinkExpired vfs.Reason = "link.expired"     // an expired link
	ReasonLinkUsed    vfs.Reason = "link.used"        // a link whose uses are used up

	// Shares.
	ReasonShare         vfs.Reason = "share"          // no share has this token
	ReasonShareExpired  vfs.Reason = "share.expired"  // an expired share
	ReasonShareUsed     vfs.Reason = "share.used"     // a share whose uses are used up
	ReasonShareIssuer   vfs.Reason = "share.issuer"   // the issuer is gone, or may no longer open or share the path
	ReasonSharePassword vfs.Reason = "share.password" // no password, or a wrong one
	ReasonShareGuesses  vfs.Reason = "share.guesses"  // too many unknown tokens from this client
	ReasonShareRequest  vfs.Reason = "share.request"  // a share that cannot be made as asked
	ReasonShareTooMany  vfs.Reason = "share.too_many" // the issuer has too many shares

	// Limits.
	ReasonRate       vfs.Reason = "limit.rate"      // over Limits.PerClient
	ReasonBusy       vfs.Reason = "limit.in_flight" // over Limits.InFlight
	ReasonSearchBusy vfs.Reason = "limit.searches"  // all searches that a handler makes at a time are taken

	ReasonPageBusy vfs.Reason = "limit.pages" // clients are reading too many long listings, texts and answers to forms

	ReasonArchiveBusy  vfs.Reason = "limit.archives"        // over Archives.Slots
	ReasonArchiveNames vfs.Reason = "archive.names"         // an object has the name of a directory
	ReasonArchiveLarge vfs.Reason = "limit.archive_entries" // over Archives.Entries

	// Request bodies.
	ReasonIntakeEncoding vfs.Reason = "intake.encoding"  // a Content-Encoding
	ReasonIntakeRange    vfs.Reason = "intake.range"     // a Content-Range
	ReasonIntakeTooLarge vfs.Reason = "intake.too_large" // over Intake.MaxBytes
	ReasonIntakeType     vfs.Reason = "intake.type"      // by name or content not one of Intake.Types
	ReasonIntakeBusy     vfs.Reason = "intake.busy"      // all Intake.Slots are taken
	ReasonIntakeRejected vfs.Reason = "intake.rejected"  // the Inspector rejected the body
	ReasonIntakeFailed   vfs.Reason = "intake.failed"    // the Inspector, or the file that it reads, failed
	ReasonClientSlow     vfs.Reason = "client.slow"      // over Intake.Timeout or Intake.Idle
	ReasonClientBody     vfs.Reason = "client.body"      // a malformed body
	ReasonUploadNoFile   vfs.Reason = "upload.no_file"   // no file in the body
	ReasonUploadTooMany  vfs.Reason = "upload.too_many"  // too many parts or files in one request
	ReasonUploadTwice    vfs.Reason = "upload.twice"     // two files of one request have the same name
	ReasonUploadPart     vfs.Reason = "upload.part"      // a part's header or a form field is too large

	// Failures.
	ReasonUnavailable vfs.Reason = "backend.unavailable" // try again later
	ReasonBackend     vfs.Reason = "backend.error"       // the backend failed
	ReasonChanged     vfs.Reason = "backend.changed"     // the object was truncated or replaced while it was sent
	ReasonFull        vfs.Reason = "backend.full"        // no space left
	ReasonCatalog     vfs.Reason = "catalog.unavailable" // the catalog cannot answer
	ReasonCanceled    vfs.Reason = "client.canceled"     // the client disconnected
	ReasonShutdown    vfs.Reason = "shutdown"            // the program ended during the request
	ReasonPanic       vfs.Reason = "panic"               // a bug
)
