// Package demo is a small made-up site to try the server with: files of every kind that the
// page shows, in memory, two users, and the configuration that serves them.
package demo
