package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
)

// A pool is a pool of connections to the file. It caches compiled statements: SQLite
// takes as long to compile a short statement as to run it. There are few statements, all
// of them constants of the program.
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

// statement returns a compiled query, from the cache if possible. It does not hold the
// mutex while compiling, which waits for a connection: another caller's context may be
// longer.
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

// numbered replaces $1 by ?1: SQLite treats $1 as a named argument.
func numbered(query string) string { return strings.ReplaceAll(query, "$", "?") }
