// Package daemon runs the server: it opens what a configuration names, serves it, reloads it
// on SIGHUP, and ends in order. Serve is the command serve; an Explainer is the command
// explain with a configuration.
//
// A service lives as long as the process. A generation is one configuration in service; a
// reload replaces it, and requests that it still answers keep it alive. What generations
// have in common, such as open sources, counts and limits, belongs to the service.
package daemon
