// Package session keeps people signed in by a cookie.
//
// The cookie holds the whole session: who signed in, how and when, sealed with a key of the
// server. Nothing is kept on the server, so several servers with the same keys and users accept
// each other's sessions, and a restart ends none. A cookie is bound to a key, not to a host: a
// proxy may change the host. A browser sends a cookie to its host alone, but to every port of
// it: other servers there see the cookies of this one.
//
// A session ends when its time is over, when the user signs out in that browser, or when what
// it depends on changes: the user's line in a file of passwords, or the configuration of the
// OpenID Connect provider. Nothing else can end the session of one browser. A copied cookie is
// valid until one of these happens; setting the password again ends all sessions of a user.
//
// [Sessions] authenticates requests, and begins and ends sessions. Package signin has pages
// for that.
package session
