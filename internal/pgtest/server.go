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
	bin string    // where its programs are
	as  *identity // who runs it
}

// NewServer starts a server for this test alone, which may stop and restart it.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s, err := startServer("")
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

// Dump returns what pg_dump writes of the server's first database, or false where the server's
// programs came without pg_dump, as they do in packages for embedding.
func (s *Server) Dump(t testing.TB) ([]byte, bool) {
	t.Helper()
	program := filepath.Join(s.bin, "pg_dump")
	if !hasProgram(s.bin, "pg_dump") {
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
alive() { kill -0 "$1" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }
# processes sets all to the processes of the server, with the one first that starts and restarts the others.
processes() {
	read -r first 2>/dev/null <"$dir/data/postmaster.pid" || return 1
	all="$first $(pgrep -P "$first")"
}
# stop is processes, with the first one stopped: no other begins, and none goes away, behind its back.
stop() { processes && kill -STOP "$first" && processes; }
while read -r command argument; do
	case $command in
	start) "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/log" -o "$options" start >/dev/null 2>&1 ;;
	cramped) (ulimit -f $cramped; exec "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/log" -o "$options" start) >/dev/null 2>&1 ;;
	immediate) "$bin/pg_ctl" -D "$dir/data" -w -m immediate stop >/dev/null 2>&1 ;;
	promote) "$bin/pg_ctl" -D "$dir/data" -w -t 60 promote >/dev/null 2>&1 ;;
	kill)
		stop && kill -KILL $all 2>/dev/null
		for p in $all; do while alive "$p"; do sleep 0.01; done; done
		# Where nobody waits for the dead, the server would take itself for running.
		rm -f "$dir/data/postmaster.pid" "$dir"/.s.PGSQL.*.lock ;;
	silence) stop && kill -STOP $all ;;
	wake) # the first one last: the list is whole until then
		processes && kill -CONT ${all#"$first"} && kill -CONT "$first" ;;
	seed)
		rm -rf "$dir/data"
		"$bin/pg_basebackup" -D "$dir/data" -R -c fast --no-sync \
			-d "host=$argument user=postgres application_name=${dir##*/}" >>"$dir/log" 2>&1 ;;
	esac
	if [ $? -eq 0 ]; then echo ok; else echo failed; fi
done
processes && kill -CONT $all 2>/dev/null
"$bin/pg_ctl" -D "$dir/data" -w -m immediate stop >/dev/null 2>&1
rm -rf "$dir"
`

// startServer starts a server with data of its own.
func startServer(options string) (*Server, error) {
	s, err := newServer(options)
	if err != nil {
		return nil, err
	}
	if err := blank.copyTo(s); err != nil {
		s.close()
		return nil, err
	}
	if err := s.Start(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		s.close()
		return nil, fmt.Errorf("start PostgreSQL: %w: %s", err, log)
	}
	return s, nil
}

// newServer returns a server that has no data yet and is not running.
func newServer(options string) (*Server, error) {
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
	p, err := supervise(dir, as, supervisor, bin, dir, serverOptions(dir)+options)
	if err != nil {
		return nil, err
	}
	return &Server{p, bin, as}, nil
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

// errMissing is what is said where there is no server.
var errMissing = errors.New("this test needs PostgreSQL 14 or newer: run `make postgres`, which installs it where it can, " +
	"or put the folder with postgres, initdb and pg_ctl into $" + envBin +
	", or the data source name of a server whose user may create databases into $" + envDSN)

// errNoBackup is what is said where a server's programs came without pg_basebackup.
var errNoBackup = errors.New("this test needs a standby, and pg_basebackup to make it, which packages for embedding leave out")

func isMissing(err error) bool {
	return errors.Is(err, errMissing) || errors.Is(err, errNoBackup) || errors.Is(err, errNoPooler) || errors.Is(err, errors.ErrUnsupported)
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
		if !hasProgram(bin, name) {
			return false
		}
	}
	return true
}

func hasProgram(bin, name string) bool {
	_, err := exec.LookPath(filepath.Join(bin, name))
	return err == nil
}
