//go:build unix && !linux

package main

import "errors"

func bindMount(string, string) error { return errors.ErrUnsupported }

func unmount(string) error { return errors.ErrUnsupported }
