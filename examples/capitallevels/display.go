package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// display shows a simulation under way on a terminal: a table that refreshes, and a progress bar
// under it.
type display struct {
	out   io.Writer // nil if nothing is shown
	bar   *progressbar.ProgressBar
	width func() int
	shown time.Time // when it was last drawn
	lines int       // how many are on the screen
}

// refresh is how often the table is drawn: more would be work and no more to see.
const refresh = 100 * time.Millisecond

// newDisplay shows something only if stderr is a terminal that understands where to write.
func newDisplay(stderr io.Writer, days int) *display {
	f, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return &display{}
	}
	return terminalDisplay(f, days, func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 80
		}
		return width
	})
}

func terminalDisplay(out io.Writer, days int, width func() int) *display {
	// The bar is drawn into the table's frame, so that the two never write over each other.
	return &display{out: out, width: width, bar: progressbar.NewOptions(days, progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetDescription("trading days"), progressbar.OptionShowCount(), progressbar.OptionSetWidth(20))}
}

// day draws the state after a day, if it is time to.
func (d *display) day(s *simulation) {
	if d.out == nil {
		return
	}
	_ = d.bar.Add(1) // its writer cannot fail
	if now := time.Now(); s.last() || now.Sub(d.shown) >= refresh {
		d.shown = now
		d.draw(s.table() + "\n" + strings.TrimSpace(d.bar.String()))
	}
}

// draw writes over what was drawn before. Lines are cut to the terminal: one that went on in the
// next row would put everything after it in the wrong place.
func (d *display) draw(text string) {
	var b bytes.Buffer
	d.clear(&b)
	for _, line := range strings.Split(text, "\n") {
		if runes := []rune(line); len(runes) >= d.width() {
			line = string(runes[:max(d.width()-1, 0)])
		}
		fmt.Fprintln(&b, line)
		d.lines++
	}
	_, _ = d.out.Write(b.Bytes()) // of a terminal that is gone nobody sees anything
}

// clear takes away what is on the screen.
func (d *display) clear(w io.Writer) {
	if d.lines > 0 {
		fmt.Fprintf(w, "\x1b[%dA\x1b[J", d.lines) // up, and erase to the end
	}
	d.lines = 0
}

// close takes the display away: what is left to be said goes to stdout.
func (d *display) close() {
	if d.out != nil {
		d.clear(d.out)
	}
}

// table is where every profile stands.
func (s *simulation) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\tequity\tprofit\tdrawdown\tpositions\torders\trefused\t\n", s.date)
	for _, k := range s.books {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t\n", k.profile.Name, money(k.latest.Equity), money(k.latest.Equity.Sub(k.latest.Capital)),
			percent(k.latest.Risk.Drawdown.InexactFloat64()), len(k.latest.Open), k.held, k.refusals())
	}
	_ = w.Flush() // a strings.Builder does not fail
	return strings.TrimSuffix(b.String(), "\n")
}
