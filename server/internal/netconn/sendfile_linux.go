package netconn

import (
	"io"
	"os"
	"syscall"
	"time"
)

// sendfileBytes bounds a single call, which cannot be interrupted.
const sendfileBytes = 4 << 20

// sendFile sends what is held back, and the file in src. It reports false if src is not a
// file that the system can send; then nothing of src was sent.
func (c *Conn) sendFile(src io.Reader) (n int64, err error, sent bool) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.holding = false
	limited, ok := src.(*io.LimitedReader)
	if ok {
		if file, ok := limited.R.(syscall.Conn); ok && limited.N > 0 {
			if from, err := file.SyscallConn(); err == nil {
				s := fileSender{conn: c, left: limited.N}
				sent, err := s.run(from)
				limited.N -= s.sent
				if sent {
					return s.sent, err, true
				}
			}
		}
	}
	if c.held != nil {
		if _, err := c.send(nil); err != nil {
			return 0, err, true
		}
	}
	return 0, nil, false
}

// A fileSender sends a file over a connection.
type fileSender struct {
	conn  *Conn
	from  int // descriptors
	left  int64
	sent  int64
	err   error
	stage int64 // how much was sent when the time for the current part began
	part  int64 // bytes of that part
}

// run sends the file. It reports false if the system cannot do that.
func (s *fileSender) run(from syscall.RawConn) (sent bool, err error) {
	outer := from.Read(func(fd uintptr) bool {
		s.from = int(fd)
		sent, err = s.loop()
		return true
	})
	if outer != nil {
		return true, outer
	}
	return sent, err
}

func (s *fileSender) loop() (sent bool, err error) {
	c := s.conn
	s.extend()
	for {
		cuts, err := c.writes.begin()
		if err != nil {
			return true, err
		}
		err = c.raw.Write(s.step)
		again := c.writes.end(cuts, err)
		switch {
		case s.err == errNoSendfile:
			return false, nil
		case s.err != nil:
			return true, s.err
		case !again:
			return true, err
		}
	}
}

// step sends until the socket accepts no more, and then returns false.
func (s *fileSender) step(fd uintptr) bool {
	to := int(fd)
	if !s.sendHeld(to) {
		return s.err != nil
	}
	for s.left > 0 {
		n, err := syscall.Sendfile(to, s.from, nil, int(min(s.left, sendfileBytes)))
		switch {
		case n > 0:
			s.left -= int64(n)
			s.sent += int64(n)
		case err == nil:
			return true // the file ends here
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			if s.sent-s.stage >= s.part {
				s.extend()
			}
			return false
		case s.sent == 0 && (err == syscall.EINVAL || err == syscall.ENOSYS || err == syscall.EPERM || err == syscall.EOPNOTSUPP):
			s.err = errNoSendfile
			return true
		default:
			s.err = os.NewSyscallError("sendfile", err)
			return true
		}
	}
	return true
}

// sendHeld sends what is held back, and reports whether that is done. MSG_MORE keeps the
// system from sending it in a packet of its own.
func (s *fileSender) sendHeld(to int) bool {
	c := s.conn
	for c.held != nil {
		p := c.held[:c.heldLen]
		n, err := syscall.SendmsgN(to, p, nil, nil, syscall.MSG_MORE)
		switch {
		case n == len(p):
			c.dropHeld()
		case n > 0:
			c.heldLen = copy(p, p[n:])
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		default:
			c.dropHeld()
			s.err = os.NewSyscallError("sendmsg", err)
			return false
		}
	}
	return true
}

// extend gives the client time for the next part. Only a client that has to be waited for
// is timed.
func (s *fileSender) extend() {
	pace := s.conn.pace
	if pace == nil {
		s.part = s.left
		return
	}
	var wait time.Duration
	s.part, wait = pace.Next(s.left)
	s.stage = s.sent
	s.conn.writes.set(time.Now().Add(wait))
}

// errNoSendfile means that the system cannot send this file by sendfile.
var errNoSendfile = syscall.ENOTSUP
