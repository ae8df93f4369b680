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

// Codes of PostgreSQL's errors: "Appendix A" of its manual.
const (
	badAuthorization = "28000"
	badPassword      = "28P01"
	noDatabase       = "3D000"
	noRight          = "42501"
	diskFull         = "53100"
)

// passing are the codes, or their first two letters, of what may be over when
// the same call comes again.
var passing = map[string]bool{
	"08":    true, // connection
	"53":    true, // no room, no memory, too many connections
	"55P03": true, // a lock that is not to be had
	"57014": true, // cancelled, by the server's own limit or an administrator
	"57P01": true, // the server stops,
	"57P02": true, // crashed,
	"57P03": true, // starts,
	"57P05": true, // or found the session idle
	"40":    true, // two transactions in each other's way
	"25006": true, // read-only: a standby that has not taken over yet
	"58030": true, // input or output
}

// classify wraps an error by what its caller can do about it.
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

// isBroken reports whether there was no answer, but no connection.
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

// isMistrust reports whether the server's certificate is not to be trusted,
// which does not pass.
func isMistrust(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}

// explain says what to do about an error of Open, in one line.
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
			return fmt.Errorf("catalog: PostgreSQL at %s does not let the user %q in: check the user and the password, in the URL or in PGPASSWORD or PGPASSFILE (SQLSTATE %s)", where, cfg.User, answer.Code)
		case noDatabase:
			return fmt.Errorf("catalog: PostgreSQL at %s has no database %q: make it with createdb, or name another", where, cfg.Database)
		case noRight:
			return fmt.Errorf("catalog: in the database %q the user %q may not make or use the schema %q (%s): GRANT CREATE ON DATABASE to the user, or have an administrator make the schema and its tables", cfg.Database, cfg.User, schema, answer.Message)
		}
		text := strings.TrimPrefix(err.Error(), "catalog: ")
		if errors.As(err, &connect) { // its own text has several lines
			text = answer.Error()
		}
		return wrap(err, fmt.Sprintf("PostgreSQL at %s: %s", where, text))
	}
	switch {
	case isMistrust(err):
		return fmt.Errorf("catalog: the certificate of PostgreSQL at %s is not to be trusted: name its authority by sslrootcert, or the host as the certificate does", where)
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &connect):
		return wrap(errors.Join(catalog.ErrUnavailable, err), fmt.Sprintf("no PostgreSQL answers at %s: check that it runs, and listens there, and whether it speaks TLS as sslmode has it", where))
	}
	return wrap(err, strings.TrimPrefix(err.Error(), "catalog: "))
}

// An explained is an error with a text of its own.
type explained struct {
	error
	text string
}

func (e explained) Error() string { return "catalog: " + e.text }
func (e explained) Unwrap() error { return e.error }

func wrap(err error, text string) error { return explained{err, text} }
