//go:build !linux

package main

import "errors"

func (b *bench) descriptors() int { return 100 }

func slowClients(*process, string, int) (float64, error) { return 0, errors.ErrUnsupported }
