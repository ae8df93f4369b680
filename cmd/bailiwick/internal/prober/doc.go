// Package prober has what the command probe needs besides package server/probe: which hosts
// it may attack and at which address, and how a report is printed.
package prober
