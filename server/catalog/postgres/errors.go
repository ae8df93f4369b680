package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// PostgreSQL error codes, from appendix A of its manual.
const (
	badAuthorization = "28000"
	badPassword      = "28P01"
	noDatabase       = "3D000"
	noRight          = "42501"
	diskFull         = "53100"
)

// passing lists the codes, or their first two letters, of errors that may disappear if
// the call is repeated.
var passing = map[string]bool{
	"08":    true, // connection
	"53":    true, // no disk space, no memory, too many connections
	"55P03": true, // a lock is not available
	"57014": true, // canceled by the server's timeout or an administrator
	"57P01": true, // the server is stopping,
	"57P02": true, // has crashed,
	"57P03": true, // is starting,
	"57P05": true, // or ended an idle session
	"40":    true, // conflicting transactions
	"25006": true, // read-only: a standby that is not promoted yet
	"58030": true, // I/O error
}

// classify wraps an error according to what the caller can do about it.
func classify(err error) error {
	var answer *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, catalog.ErrUnavailable), errors.Is(err, catalog.ErrFull):
		return err
	case errors.As(err, &answer):
		switch {
		case answer.Code == diskFull:
			return fmt.Errorf("%w: %w", catalog.ErrFull, err)
		case passing[answer.Code] || len(answer.Code) == 5 && passing[answer.Code[:2]]:
			return fmt.Errorf("%w: %w", catalog.ErrUnavailable, err)
		}
		return err
	case isMistrust(err):
		return err
	case isBroken(err):
		return fmt.Errorf("%w: %w", catalog.ErrUnavailable, err)
	}
	return err
}

// isBroken reports whether an existing connection broke before the response.
func isBroken(err error) bool {
	var (
		answer  *pgconn.PgError
		connect *pgconn.ConnectError
		network net.Error
	)
	if errors.As(err, &answer) {
		return answer.Code == "57P01" || answer.Code == "57P02"
	}
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) || pgconn.SafeToRetry(err)
}

// isMistrust reports whether the server's certificate was rejected, which is not
// temporary.
func isMistrust(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}

// explain turns an error of Open into one line with advice.
func explain(err error, cfg *pgx.ConnConfig, schema string) error {
	if err == nil {
		return nil
	}
	where := net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port))
	var (
		answer  *pgconn.PgError
		connect *pgconn.ConnectError
	)
	if errors.As(err, &answer) {
		switch answer.Code {
		case badPassword, badAuthorization:
			return fmt.Errorf("catalog: PostgreSQL at %s rejects the user %q: check the user and the password, in the URL or in PGPASSWORD or PGPASSFILE (SQLSTATE %s)", where, cfg.User, answer.Code)
		case noDatabase:
			return fmt.Errorf("catalog: PostgreSQL at %s has no database %q: create it with createdb, or name another one", where, cfg.Database)
		case noRight:
			return fmt.Errorf("catalog: in the database %q, the user %q may not create or use the schema %q (%s): GRANT CREATE ON DATABASE to the user, or have an administrator create the schema and its tables", cfg.Database, cfg.User, schema, answer.Message)
		}
		text := strings.TrimPrefix(err.Error(), "catalog: ")
		if errors.As(err, &connect) { // its own text has several lines
			text = answer.Error()
		}
		return wrap(err, fmt.Sprintf("PostgreSQL at %s: %s", where, text))
	}
	switch {
	case isMistrust(err):
		return fmt.Errorf("catalog: the certificate of PostgreSQL at %s is not trusted: name its authority with sslrootcert, or use the certificate's host name", where)
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &connect):
		return wrap(errors.Join(catalog.ErrUnavailable, err), fmt.Sprintf("PostgreSQL does not respond at %s: check that it runs and listens there, and that its TLS settings fit sslmode", where))
	}
	return wrap(err, strings.TrimPrefix(err.Error(), "catalog: "))
}

// An explained is an error with a different text.
type explained struct {
	error
	text string
}

func (e explained) Error() string { return "catalog: " + e.text }
func (e explained) Unwrap() error { return e.error }

func wrap(err error, text string) error { return explained{err, text} }
