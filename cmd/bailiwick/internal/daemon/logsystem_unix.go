//go:build unix

package daemon

import (
	"bytes"
	"errors"
	"io"
	"log/syslog"
	"net"
	"sync"
)

// The sockets of the system's logs. An empty SyslogSocket stands for the usual one. Tests
// replace them.
var (
	SyslogSocket  = ""
	JournalSocket = "/run/systemd/journal/socket"
)

// logTag is the program's name in the system's logs.
const logTag = "bailiwick"

// A lineLog sends each line as a message to a log.
type lineLog struct {
	send  func(line []byte) error
	close func() error
}

// Write sends the lines of p, up to the first that fails.
func (l *lineLog) Write(p []byte) (n int, err error) {
	for line := range bytes.Lines(p) {
		if err := l.send(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return n, err
		}
		n += len(line)
	}
	return n, nil
}

func (l *lineLog) Close() error { return l.close() }

// openSyslog opens the system log. It reconnects if the daemon was restarted.
func openSyslog() (io.WriteCloser, error) {
	network := ""
	if SyslogSocket != "" {
		network = "unixgram"
	}
	w, err := syslog.Dial(network, SyslogSocket, syslog.LOG_INFO|syslog.LOG_DAEMON, logTag)
	if err != nil {
		return nil, errors.New("no daemon listens on this system's log socket")
	}
	return &lineLog{
		send:  func(line []byte) error { _, err := w.Write(line); return err },
		close: w.Close,
	}, nil
}

// openJournal opens systemd's journal, by its native protocol: one datagram per entry, of
// lines KEY=VALUE. A record is one line, and shorter than the longest datagram.
func openJournal() (io.WriteCloser, error) {
	j := new(journal)
	if err := j.dial(); err != nil {
		return nil, err
	}
	return &lineLog{send: j.send, close: j.close}, nil
}

// A journal is a connection to systemd's journal.
type journal struct {
	mu     sync.Mutex // protects the fields: Close may be called while a send waits
	conn   net.Conn
	closed bool
	entry  []byte
}

func (j *journal) dial() error {
	conn, err := net.Dial("unixgram", JournalSocket)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		conn.Close()
		return net.ErrClosed
	}
	if j.conn != nil {
		j.conn.Close()
	}
	j.conn = conn
	return nil
}

// send writes a line as an entry.
func (j *journal) send(line []byte) error {
	j.entry = append(j.entry[:0], "PRIORITY=6\nSYSLOG_IDENTIFIER="+logTag+"\nMESSAGE="...)
	j.entry = append(append(j.entry, line...), '\n')
	j.mu.Lock()
	conn := j.conn
	j.mu.Unlock()
	_, err := conn.Write(j.entry)
	if err == nil {
		return nil
	}
	// The daemon may have been restarted.
	if err := j.dial(); err != nil {
		return err
	}
	_, err = j.conn.Write(j.entry)
	return err
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	return j.conn.Close()
}
