// Package blob serves a bucket of the Go CDK ([gocloud.dev/blob]): Azure Blob Storage,
// Google Cloud Storage, and what else has a driver. For S3, directories and memory,
// packages s3, disk and mem beside it do more.
//
// It is a module of its own. The CDK's module requires the SDKs of three clouds, and
// neither the command bailiwick nor a program that uses its other backends should have
// to carry, review or update those. So the command does not serve azblob:// and gs://
// sources; a program of a few lines does, with the same jail and the same HTTP handler:
// see the example of package azure. (A second command in this module would have to import
// the internal packages of the first one, or the first one would have to make its opening
// of sources, its configuration and its warnings an interface for others; a build tag
// would put the SDKs into the go.mod of everybody.)
//
// # What a driver must be able to do
//
// The CDK's portable interface can create an object only if there is none, and nothing
// else under a condition. What more a driver can do, through its own types, is a
// [Service]; packages azure, gcs and s3 each have one, and another driver can implement
// it.
//
//	                     Service              no Service, Exclusive  no Service
//	Caps.Writable        yes                  yes                    New fails
//	conditions, changes  the service's        a lock's               -
//	Info and Body        by one request       attributes asked for before and after
//	List after a key     the service's, or    from the start
//	                     from the start
//	names stored as      refused and          refused; other programs' keys may be
//	other keys           not listed           listed, and cannot be read
//
// A bucket without a Service is writable only if the program declares, with
// Options.Exclusive, that nothing else changes it: then a lock in this process enforces
// the conditions that the driver does not know, as it does in memblob and fileblob.
//
// # Directories of fileblob
//
// The driver fileblob follows symbolic links and waits for the writer of a FIFO. With
// Options.Dir, links, FIFOs, and the process's own files (package vfs/ownfile) are
// refused by a check before and, for links, after the driver opens a file. Another
// process that exchanges files of the directory in between can make the driver wait, or
// serve a file of the same directory under another name. Package backends/disk has no
// such gap. Names that end in ".attrs" or in the suffix of the driver's temporary files
// are refused. Each listing reads the directory with all below it.
//
// # Limits
//
// A body that breaks off is not resumed. An upload that is cut off can leave parts, which
// nobody sees, but which S3 charges for until a lifecycle rule removes them; Azure and
// GCS remove them after a week. Jail.Copy sends the bytes through this process. Every
// name with the text "__0x" is refused, since drivers begin their escapes so, and every
// name below a directory whose name ends in two dots, which they escape.
package blob
