// Package browser drives the real server with a real browser: the page that people see, over
// a directory and over S3, on a desktop and on a phone, in light and dark, with and without
// JavaScript. Its tests are a module of their own, so that the browser's protocol is no
// dependency of the product.
//
// Every tab is watched: violations of the content security policy, errors on the console,
// exceptions, dialogs, and requests to other origins fail its test. Tests wait for
// conditions, and measure nothing that they assert.
//
// BAILIWICK_SCREENSHOTS=DIR writes the screenshots of the documents there.
package browser
