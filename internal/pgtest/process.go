package pgtest

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// process is a shell script that runs a server in a folder of its own. It must end the server, remove
// the folder and return when its standard input ends: because close was called, or because the test
// binary is gone.
type process struct {
	dir   string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

// supervise starts the script in the folder, in a process group of its own: an interrupt from the
// keyboard is for the tests, and reaches the script as the end of its input. If that fails it removes
// the folder.
func supervise(dir string, identity *syscall.Credential, script string, args ...string) (*process, error) {
	p := &process{dir: dir, cmd: exec.Command("/bin/sh", append([]string{"-c", script, "supervisor"}, args...)...)}
	p.cmd.Dir = dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: identity}
	err := p.start()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

func (p *process) start() error {
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.out = bufio.NewReader(out)
	return p.cmd.Start()
}

// close ends the script and waits until it is gone, and its folder.
func (p *process) close() {
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
}

// folder makes a temporary folder for whoever runs the server.
func folder(prefix string, identity *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp(shortTemp(), prefix)
	if err != nil || identity == nil {
		return dir, err
	}
	if err := os.Chown(dir, int(identity.Uid), int(identity.Gid)); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// unprivileged returns who is to run a server: PostgreSQL and PgBouncer refuse to run as root. nil means
// whoever runs the tests.
func unprivileged() (*syscall.Credential, error) {
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
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it")
}

// shortTemp is where temporary folders go: the path of a unix socket has some 100 bytes at most.
func shortTemp() string {
	if dir := os.TempDir(); len(dir) < 60 && !strings.HasPrefix(dir, "/root") {
		return dir
	}
	return "/tmp"
}
