// Package copier copies and removes objects for the commands cp and rm.
//
// A run goes on after an object that was refused or failed, reports each such object on
// standard error, and says at the end what it did. It stops early only for what concerns
// all objects: an interruption, a full disk, a source that does not answer. Every name
// goes through a vfs.Jail, on both sides.
package copier
