package pgtest

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
)

// identity is the user of the machine who runs a server. A nil identity is the user who runs the
// tests.
type identity struct{ uid, gid uint32 }

// process is a shell script that runs a server in a folder of its own. It must end the server,
// remove the folder and return when its standard input ends: because close was called, or because
// the test binary is gone.
type process struct {
	dir   string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

// supervise starts the script in the folder, in a process group of its own: an interrupt from the
// keyboard is for the tests, and reaches the script as the end of its input. If that fails it
// removes the folder.
func supervise(dir string, as *identity, script string, args ...string) (*process, error) {
	p := &process{dir: dir, cmd: exec.Command("/bin/sh", append([]string{"-c", script, "supervisor"}, args...)...)}
	p.cmd.Dir = dir
	p.cmd.SysProcAttr = attributes(as, true)
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
func folder(prefix string, as *identity) (string, error) {
	dir, err := os.MkdirTemp(shortTemp(), prefix)
	if err != nil || as == nil {
		return dir, err
	}
	if err := os.Chown(dir, int(as.uid), int(as.gid)); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// shortTemp is where temporary folders go: the path of a unix socket has some 100 bytes at most.
func shortTemp() string {
	if dir := os.TempDir(); len(dir) < 60 && !strings.HasPrefix(dir, "/root") {
		return dir
	}
	return "/tmp"
}
