//go:build unix

package pgtest

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// supported tells why no server can be started here; nil where one can.
func supported() error { return nil }

// attributes are those of a process of the user, in a process group of its own if asked for.
func attributes(as *identity, group bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: group}
	if as != nil {
		a.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
	return a
}

// unprivileged returns who is to run a server: PostgreSQL and PgBouncer refuse to run as root.
func unprivileged() (*identity, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errU := strconv.ParseUint(u.Uid, 10, 32)
		gid, errG := strconv.ParseUint(u.Gid, 10, 32)
		if errU == nil && errG == nil && uid != 0 {
			return &identity{uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it")
}
