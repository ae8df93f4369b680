package driver

import "context"

// An Answer tells how the layers of a backend answered one call of Open or Stat, for
// operators. The caller passes a new one with [WithAnswer] and reads it once the call
// has returned; layers fill it in before that, in the goroutine of the call.
type Answer struct {
	// Cache is how a cache on the way answered; "" if there is none.
	Cache CacheStatus

	// Layer is the number, from 1, of the backend that answered, where several form one
	// tree; 0 if there is only one, or none of them has the object.
	Layer int
}

// A CacheStatus is how a cache answered a call.
type CacheStatus string

// The values of CacheStatus.
const (
	CacheHit         CacheStatus = "hit"         // from the cache, without a request to the source
	CacheMiss        CacheStatus = "miss"        // the source was asked, or is being read for another call
	CacheRevalidated CacheStatus = "revalidated" // from the cache, after the source confirmed it
	CacheStale       CacheStatus = "stale"       // from the cache, since the source was unavailable
	CacheBypass      CacheStatus = "bypass"      // from the source, and nothing is kept
)

// WithAnswer returns a context for a call of Open or Stat in which layers fill in a, or
// nobody does if a is nil. It
// travels in the context because a call that fails has no object to carry it, and
// because the Infos of one version are equal however they came about.
func WithAnswer(ctx context.Context, a *Answer) context.Context {
	return context.WithValue(ctx, answerKey{}, a)
}

// AnswerOf returns the Answer that ctx carries, or nil if the caller does not ask.
func AnswerOf(ctx context.Context) *Answer {
	a, _ := ctx.Value(answerKey{}).(*Answer)
	return a
}

type answerKey struct{}

// WithRevalidation returns a context for a call of Open or Stat that a cache answers only after
// its source has confirmed the answer, however recent that is. It is for callers who know from
// elsewhere that the object has changed, such as from a listing, which no cache answers.
func WithRevalidation(ctx context.Context) context.Context {
	return context.WithValue(ctx, revalidationKey{}, true)
}

// Revalidates reports whether ctx is one of WithRevalidation.
func Revalidates(ctx context.Context) bool { return ctx.Value(revalidationKey{}) != nil }

type revalidationKey struct{}
