package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Server is a PostgreSQL server in a temporary folder.
type Server struct {
	*process
	bin string // where its programs are
}

// NewServer starts a server for this test alone, which may stop and restart it.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s, err := startServer()
	end(t, err)
	t.Cleanup(s.close)
	return s
}

// DSN returns the data source name of the server's first database.
func (s *Server) DSN() string {
	return "host=" + s.dir + " user=postgres dbname=postgres sslmode=disable"
}

// Folder returns the server's folder: its files are in data, what it logs in log.
func (s *Server) Folder() string { return s.dir }

// Dump returns what pg_dump writes of the server's first database, or false where the server's programs
// came without pg_dump, as they do in packages for embedding.
func (s *Server) Dump(t testing.TB) ([]byte, bool) {
	t.Helper()
	program := filepath.Join(s.bin, "pg_dump")
	if _, err := exec.LookPath(program); err != nil {
		return nil, false
	}
	out, err := exec.CommandContext(t.Context(), program, "-h", s.dir, "-U", "postgres", "postgres").Output()
	end(t, err)
	return out, true
}

// StopImmediately stops the server as a crash would: without finishing anything.
func (s *Server) StopImmediately() error { return s.tell("immediate") }

// Start starts a server that was stopped, and returns when it accepts connections.
func (s *Server) Start() error { return s.tell("start") }

// StartCramped is Start for a server whose files cannot grow beyond 20 MiB each, as though its disk
// were full.
func (s *Server) StartCramped() error { return s.tell("cramped") }

// supervisor runs the server. It obeys one command a line and, when its standard input ends,
// because the test binary closed it or is gone, stops the server and removes the folder.
const supervisor = `
bin=$1 dir=$2 options=$3
cramped=40960 # blocks of 512 bytes
trap '' INT TERM HUP
while read -r command; do
	case $command in
	start) "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/log" -o "$options" start >/dev/null 2>&1 ;;
	cramped) (ulimit -f $cramped; exec "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/log" -o "$options" start) >/dev/null 2>&1 ;;
	immediate) "$bin/pg_ctl" -D "$dir/data" -w -m immediate stop >/dev/null 2>&1 ;;
	esac
	if [ $? -eq 0 ]; then echo ok; else echo failed; fi
done
"$bin/pg_ctl" -D "$dir/data" -w -m immediate stop >/dev/null 2>&1
rm -rf "$dir"
`

func startServer() (*Server, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := folder("accounts-pg-", as)
	if err != nil {
		return nil, err
	}
	if err := initialize(bin, dir, as); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p, err := supervise(dir, as, supervisor, bin, dir, serverOptions(dir))
	if err != nil {
		return nil, err
	}
	s := &Server{p, bin}
	if err := s.Start(); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		s.close()
		return nil, fmt.Errorf("start PostgreSQL: %w: %s", err, log)
	}
	return s, nil
}

func serverOptions(dir string) string {
	options := "-k " + dir + " -c listen_addresses= -c max_connections=200 -c shared_buffers=64MB"
	if os.Getenv(envDurable) == "" {
		options += " -c fsync=off -c full_page_writes=off"
	}
	return options
}

func (s *Server) tell(command string) error {
	if _, err := io.WriteString(s.stdin, command+"\n"); err != nil {
		return err
	}
	answer, err := s.out.ReadString('\n')
	if err == nil && answer != "ok\n" {
		err = fmt.Errorf("pg_ctl %s failed", command)
	}
	return err
}

// initialize makes the server's data folder. Its default collation is a language's where the server
// can do that by itself, as in production: what depends on byte order must say so.
func initialize(bin, dir string, as *identity) error {
	args := []string{"-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"}
	for _, more := range [][]string{{"--locale-provider=icu", "--icu-locale=en-US"}, nil} {
		cmd := exec.Command(filepath.Join(bin, "initdb"), append(args, more...)...)
		cmd.Dir = dir
		cmd.SysProcAttr = attributes(as, false)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if more == nil {
			return fmt.Errorf("initdb: %w: %s", err, out)
		}
	}
	return nil
}

// errMissing is what is said where there is no server.
var errMissing = errors.New("this test needs PostgreSQL 14 or newer: run `make postgres`, which installs it where it can, " +
	"or put the folder with postgres, initdb and pg_ctl into $" + envBin +
	", or the data source name of a server whose user may create databases into $" + envDSN)

func isMissing(err error) bool {
	return errors.Is(err, errMissing) || errors.Is(err, errNoPooler) || errors.Is(err, errors.ErrUnsupported)
}

// binaries returns the folder with the server's programs.
func binaries() (string, error) {
	var candidates []string
	if bin := os.Getenv(envBin); bin != "" {
		candidates = []string{bin}
	} else {
		if path, err := exec.LookPath("initdb"); err == nil {
			if path, err = filepath.EvalSymlinks(path); err == nil {
				candidates = append(candidates, filepath.Dir(path))
			}
		}
		for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"} {
			found, _ := filepath.Glob(pattern)
			slices.Reverse(found) // newest first, as far as names tell
			candidates = append(candidates, found...)
		}
	}
	for _, bin := range candidates {
		if hasPrograms(bin) {
			return bin, nil
		}
	}
	return "", errMissing
}

func hasPrograms(bin string) bool {
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		if _, err := exec.LookPath(filepath.Join(bin, name)); err != nil {
			return false
		}
	}
	return true
}
