package s3

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A clockSkew is how far the service's clock is ahead of ours, as the SDK last measured
// it: the SDK signs with the time so corrected. It keeps its measurement to itself, so
// this is a copy.
type clockSkew struct{ nanoseconds atomic.Int64 }

// maxSkewError is how much the service's clock may differ from now. Services refuse a
// quarter of an hour, and the SDK blames the clock for an error from four minutes on.
const maxSkewError = time.Minute

// now returns the service's time.
func (s *clockSkew) now() time.Time {
	return time.Now().Add(time.Duration(s.nanoseconds.Load()))
}

// differs reports whether the date of an answer that has just come differs too much. A
// cache's answer has an old one.
func (s *clockSkew) differs(header http.Header) bool {
	date := header["Date"]
	if len(date) == 0 || len(header["Age"]) > 0 {
		return false
	}
	t, err := smithyhttp.ParseTime(date[0])
	return err == nil && t.Sub(s.now()).Abs() > maxSkewError
}

// observe adds s to the middleware of each of the SDK's operations.
func (s *clockSkew) observe(stack *middleware.Stack) error {
	return stack.Finalize.Add(s, middleware.Before)
}

// ID implements middleware.FinalizeMiddleware.
func (*clockSkew) ID() string { return "bailiwick.clockSkew" }

// HandleFinalize records the measurement that the SDK records after the operation.
func (s *clockSkew) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleFinalize(ctx, in)
	if skew, ok := awsmiddleware.GetAttemptSkew(metadata); ok {
		s.nanoseconds.Store(int64(skew))
	}
	return out, metadata, err
}
