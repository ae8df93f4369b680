package s3gateway

import "context"

// lock is never called: find refuses this system before.
func lock(context.Context, string) (unlock func(), err error) { return func() {}, nil }
