// Package session keeps people signed in with a sealed cookie. Nothing is kept on the
// server.
package session
