//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// PostgreSQL refuses to run as root: then its programs run as the user postgres, or nobody.

// unprivileged returns that user's ids, nil where the program does not run as root.
func unprivileged() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, errU := strconv.ParseUint(u.Uid, 10, 32)
			gid, errG := strconv.ParseUint(u.Gid, 10, 32)
			if errors.Join(errU, errG) == nil {
				return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			}
		}
	}
	return nil
}

// runUnprivileged has the command run in a process group of its own, which an interrupt from the
// keyboard does not reach.
func runUnprivileged(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: unprivileged()}
}

// giveAway gives a folder to that user.
func giveAway(folder string) error {
	if as := unprivileged(); as != nil {
		return os.Chown(folder, int(as.Uid), int(as.Gid))
	}
	return nil
}
