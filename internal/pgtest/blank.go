package pgtest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
)

// blank is the data of a server on which nothing was done yet: every server of the test binary
// begins with a copy, which costs a fifth of making it.
var blank data

type data struct {
	once   sync.Once
	keeper *process
	err    error
}

// keeper removes the folder when its standard input ends.
const keeper = `
trap '' INT TERM HUP
while read -r _; do :; done
rm -rf "$1"
`

// copyTo gives the server its data folder.
func (d *data) copyTo(s *Server) error {
	d.once.Do(func() { d.err = d.make(s) })
	if d.err != nil {
		return d.err
	}
	return run(s, "cp", "-Rp", filepath.Join(d.keeper.dir, "data"), s.dir)
}

// make makes the data with the server's programs.
func (d *data) make(s *Server) error {
	dir, err := folder("accounts-initdb-", s.as)
	if err != nil {
		return err
	}
	if d.keeper, err = supervise(dir, s.as, keeper, dir); err != nil {
		return err
	}
	// The default collation is a language's where the server can do that by itself, as in
	// production: what depends on byte order must say so.
	args := []string{"-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"}
	initdb := filepath.Join(s.bin, "initdb")
	if run(s, initdb, append(args, "--locale-provider=icu", "--icu-locale=en-US")...) == nil {
		return nil
	}
	return run(s, initdb, args...)
}

// close removes the data.
func (d *data) close() {
	if d.keeper != nil {
		d.keeper.close()
	}
}

// run runs a program as who runs the server, in its folder.
func run(s *Server, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = attributes(s.as, false)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, out)
	}
	return nil
}
