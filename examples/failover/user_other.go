//go:build !unix

package main

import (
	"errors"
	"os/exec"
)

func runUnprivileged(*exec.Cmd) {}

// giveAway refuses: the servers listen on unix sockets.
func giveAway(string) error { return errors.ErrUnsupported }
