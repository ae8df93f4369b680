// Package systemd communicates with the service manager that started this process, if
// any: it accepts sockets from socket activation, and reports when the service is ready,
// reloads and stops. Without a service manager it does nothing.
package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstSocket is the first passed descriptor (SD_LISTEN_FDS_START).
const firstSocket = 3

// Listeners returns the sockets passed by socket activation, none without it. lookup
// returns the value of an environment variable. The caller closes the sockets. A socket
// that is not a listening stream socket is an error.
func Listeners(lookup func(string) string) ([]net.Listener, error) {
	// The variables may be meant for another process: a child inherits them, but has other
	// descriptors.
	if pid, err := strconv.Atoi(lookup("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil, nil
	}
	count, err := strconv.Atoi(lookup("LISTEN_FDS"))
	if err != nil || count < 1 || count > 100 {
		return nil, fmt.Errorf("LISTEN_FDS=%q is not a valid number of sockets", lookup("LISTEN_FDS"))
	}
	var all []net.Listener
	for fd := firstSocket; fd < firstSocket+count; fd++ {
		f := os.NewFile(uintptr(fd), "socket "+strconv.Itoa(fd))
		l, err := net.FileListener(f)
		f.Close() // the listener has its own copy of the descriptor
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, fmt.Errorf("cannot listen on the socket passed as descriptor %d: %w", fd, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// A Notifier reports the service's state to the service manager. The zero Notifier does
// nothing.
type Notifier struct{ socket string }

// NewNotifier returns a Notifier for the socket in the environment.
func NewNotifier(lookup func(string) string) Notifier {
	return Notifier{lookup("NOTIFY_SOCKET")}
}

// Ready reports that the service is ready, with a status line for people.
func (n Notifier) Ready(status string) error {
	return n.send("READY=1", "STATUS="+status)
}

// Reloading reports that the configuration is being reloaded. Ready ends the reload.
func (n Notifier) Reloading() error {
	usec, err := monotonicMicros()
	if err != nil {
		return err
	}
	// The protocol requires both in one message.
	return n.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(usec, 10))
}

// Status reports a status line for people.
func (n Notifier) Status(status string) error { return n.send("STATUS=" + status) }

// Stopping reports that the service is shutting down.
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
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	defer conn.Close()
	// A newline in a status would begin another assignment.
	for i, line := range lines {
		lines[i] = strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, line)
	}
	if _, err := conn.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	return nil
}
