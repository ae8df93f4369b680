// Package systemd talks to the service manager that started this process, if one
// did: it takes the sockets that it holds open, and tells it when the service is
// ready, reloads and stops. Where there is no such manager, all of it does nothing.
package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstSocket is the number of the first descriptor that is passed (SD_LISTEN_FDS_START).
const firstSocket = 3

// Listeners returns the sockets that were passed by socket activation, none
// without it. lookup looks up a variable of the environment. The caller closes
// them. Sockets that do not listen for streams are an error.
func Listeners(lookup func(string) string) ([]net.Listener, error) {
	// The variables may be meant for another process: a wrapper's child inherits
	// them, and its descriptors are something else.
	if pid, err := strconv.Atoi(lookup("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil, nil
	}
	count, err := strconv.Atoi(lookup("LISTEN_FDS"))
	if err != nil || count < 1 || count > 100 {
		return nil, fmt.Errorf("LISTEN_FDS=%q is no number of sockets", lookup("LISTEN_FDS"))
	}
	var all []net.Listener
	for fd := firstSocket; fd < firstSocket+count; fd++ {
		f := os.NewFile(uintptr(fd), "socket "+strconv.Itoa(fd))
		l, err := net.FileListener(f)
		f.Close() // the listener has a descriptor of its own
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, fmt.Errorf("the socket that was passed as descriptor %d cannot be listened on: %w", fd, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// A Notifier tells the service manager about the state of the service. The zero
// Notifier tells nobody.
type Notifier struct{ socket string }

// NewNotifier returns a Notifier for the socket that the environment names.
func NewNotifier(lookup func(string) string) Notifier {
	return Notifier{lookup("NOTIFY_SOCKET")}
}

// Ready says that the service answers, with a line about it for people.
func (n Notifier) Ready(status string) error {
	return n.send("READY=1", "STATUS="+status)
}

// Reloading says that the configuration is being read again. Ready ends it.
func (n Notifier) Reloading() error {
	usec, err := monotonicMicros()
	if err != nil {
		return err
	}
	// Both have to be in one message.
	return n.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(usec, 10))
}

// Status is a line about the service for people.
func (n Notifier) Status(status string) error { return n.send("STATUS=" + status) }

// Stopping says that the service ends.
func (n Notifier) Stopping() error { return n.send("STOPPING=1") }

func (n Notifier) send(lines ...string) error {
	if n.socket == "" {
		return nil
	}
	if n.socket[0] != '/' && n.socket[0] != '@' {
		return errors.New("NOTIFY_SOCKET is neither a path nor an abstract socket")
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	defer conn.Close()
	// A line end in a status would begin another assignment.
	for i, line := range lines {
		lines[i] = strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, line)
	}
	if _, err := conn.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}
