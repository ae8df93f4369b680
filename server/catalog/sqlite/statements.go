package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
)

// A pool is open connections to the file. It keeps what it compiled: SQLite takes
// as long to compile a short statement as to run it, and the catalog has few of
// them, each the text of a program and none that of a client.
type pool struct {
	*sql.DB
	mu         sync.Mutex
	statements map[string]*sql.Stmt
}

func newPool(c driver.Connector, size int) *pool {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return &pool{DB: db, statements: make(map[string]*sql.Stmt)}
}

// statement compiles a query, or returns what it was compiled to before. The lock
// is not held meanwhile: compiling waits for a connection, as long as its own
// context allows and no other's.
func (p *pool) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	kept := p.statements[query]
	p.mu.Unlock()
	if kept != nil {
		return kept, nil
	}
	made, err := p.PrepareContext(ctx, numbered(query))
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if kept := p.statements[query]; kept != nil {
		return kept, made.Close()
	}
	p.statements[query] = made
	return made, nil
}

// Close closes the statements and the connections.
func (p *pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.statements {
		errs = append(errs, s.Close())
	}
	clear(p.statements)
	return errors.Join(append(errs, p.DB.Close())...)
}

// numbered writes $1 as ?1: to SQLite the former is the name of an argument.
func numbered(query string) string { return strings.ReplaceAll(query, "$", "?") }
