package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress is a bar on a terminal. Nil shows nothing. It is plain, and not a library's, so that the
// library's own module needs none.
type progress struct {
	out   io.Writer
	what  string
	total int64 // 0 if it is not known
	done  int64
	drawn time.Time
	width int // of what stands there
}

// barPause is how long a bar stays as it is at least.
const barPause = 100 * time.Millisecond

// progress returns a bar for so many steps, if standard error is a terminal.
func (e *call) progress(what string, total int64) *progress {
	if f, is := e.stderr.(*os.File); !is || e.env("TERM") == "dumb" || !isTerminal(f) {
		return nil
	}
	return &progress{out: e.stderr, what: what, total: total}
}

// isTerminal reports whether the file is a terminal, or another device that shows characters to
// nobody.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// add counts steps.
func (p *progress) add(n int64) {
	if p != nil {
		p.set(p.done + n)
	}
}

// set says how many steps are done.
func (p *progress) set(done int64) {
	if p == nil {
		return
	}
	p.done = done
	if now := time.Now(); now.Sub(p.drawn) >= barPause {
		p.drawn = now
		p.draw()
	}
}

func (p *progress) draw() {
	const width = 30
	line := fmt.Sprintf("%s %d", p.what, p.done)
	if p.total > 0 {
		part := min(p.done, p.total)
		filled := int(part * width / p.total)
		line = fmt.Sprintf("%s [%s%s] %3d%%  %d of %d", p.what, strings.Repeat("=", filled), strings.Repeat(" ", width-filled),
			part*100/p.total, p.done, p.total)
	}
	fmt.Fprintf(p.out, "\r%-*s", p.width, line)
	p.width = len(line)
}

// close takes the bar away.
func (p *progress) close() {
	if p != nil && p.width > 0 {
		fmt.Fprintf(p.out, "\r%*s\r", p.width, "")
	}
}

// Write counts bytes, so that a bar may stand behind a reader.
func (p *progress) Write(b []byte) (int, error) {
	p.add(int64(len(b)))
	return len(b), nil
}
