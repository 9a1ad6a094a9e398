//go:build unix

package pgcreds

import (
	"os"
	"syscall"
)

// noWaiting has the opening of a pipe, or of a terminal, not wait for somebody at its other end.
const noWaiting = syscall.O_NONBLOCK | syscall.O_NOCTTY

// ownerOf returns the id of the user whom the file belongs to; -1 if it is not known.
func ownerOf(info os.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
