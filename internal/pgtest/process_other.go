//go:build !unix

package pgtest

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// errUnsupported is what is said where a server cannot be kept apart from the machine's others.
var errUnsupported = fmt.Errorf("this test starts a server on a unix socket, under a shell and in a process group, "+
	"none of which %s has: where it needs no more than databases, put the data source name of a server "+
	"whose user may create them into $%s: %w", runtime.GOOS, envDSN, errors.ErrUnsupported)

// supported tells why no server can be started here.
func supported() error { return errUnsupported }

// attributes has nothing to say: no process is started.
func attributes(*identity, bool) *syscall.SysProcAttr { return nil }

// unprivileged has nobody to name: no process is started.
func unprivileged() (*identity, error) { return nil, errUnsupported }
