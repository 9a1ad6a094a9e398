package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ai-ots/accounts/ibkr/flex"
)

// note is something that a reader of the figures should know.
type note struct {
	File        string `json:"file"`
	Line        int    `json:"line,omitempty"` // of the file; zero if it is about no single line
	Section     string `json:"section,omitempty"`
	Text        string `json:"text"`
	Rows        int    `json:"rows,omitempty"` // how many rows of the file it stands for
	Consequence string `json:"consequence"`
}

// notes are what could not be interpreted or compared, and what was inferred.
func (r *report) notes() []note {
	all := []note{}
	if r.inferred > 0 {
		all = append(all, note{File: r.file, Text: count(r.inferred, "lot") + " inferred: opened before the statement",
			Consequence: "the basis is what the statement says was consumed or is left"})
	}
	for _, i := range r.issues {
		consequence := "booked as the text says"
		if i.Unread {
			consequence = "not in the book, though it moves money or positions, or may"
		}
		all = append(all, note{r.file, i.Line, i.Section, strings.TrimSpace(i.Text), i.Rows, consequence})
	}
	for _, u := range r.unchecked {
		all = append(all, note{File: r.file, Text: "not compared: " + u, Consequence: "neither right nor wrong by the statement"})
	}
	return all
}

// writeNotes prints the notes, one a line.
func (r *report) writeNotes(w io.Writer) {
	for _, n := range r.notes() {
		where := n.Section
		if n.Line > 0 {
			where = fmt.Sprintf("line %d, %s", n.Line, n.Section)
		}
		if where != "" {
			where += ": "
		}
		fmt.Fprintf(w, "%s, %s: %s%s\n", r.file, r.account, where, n.Text)
	}
}

// unread counts the rows that move money or positions, or may, and are not in the book, by section.
func (r *report) unread() map[string]int { return flex.Unread(r.issues) }

// readNothing reports an account of which the files tell nothing, or whose trades are there and
// none was read: figures that agree would mean nothing.
func (r *report) readNothing() bool {
	trades := slices.ContainsFunc(r.statements, func(st *flex.Statement) bool { return st.Trades.Len() > 0 })
	if !trades && r.unread()["trade"] > 0 {
		return true
	}
	return !slices.ContainsFunc(r.statements, func(st *flex.Statement) bool {
		return st.Trades.Len()+len(st.Positions)+len(st.Cash)+len(st.CorporateActions)+len(st.Transfers)+len(st.CashReport) > 0
	})
}

// verdict says in one sentence what came of all reports.
func verdict(reports []*report) string {
	compared, breaks, unread, unchecked := 0, 0, 0, 0
	nothing := []string{}
	for _, r := range reports {
		compared += r.compared
		breaks += len(r.breaks)
		unchecked += len(r.unchecked)
		for _, n := range r.unread() {
			unread += n
		}
		if r.readNothing() {
			nothing = append(nothing, r.account)
		}
	}
	var said string
	switch {
	case len(nothing) > 0:
		said = "Nothing was read of " + strings.Join(nothing, ", ") + ": the figures mean nothing"
	case breaks > 0:
		said = fmt.Sprintf("%d of %s differ from the broker's", breaks, count(compared, "figure"))
	case compared == 0:
		said = "The statements give no figures of the broker's to compare with"
	case compared == 1:
		said = "The one figure to compare agrees with the broker's"
	default:
		said = fmt.Sprintf("All %s agree with the broker's", count(compared, "figure"))
	}
	if unread > 0 {
		said += fmt.Sprintf("; %s that may move money or positions were not read", count(unread, "row"))
	}
	if unchecked > 0 && breaks == 0 {
		said += fmt.Sprintf("; %s could not be compared", count(unchecked, "figure"))
	}
	return said + "."
}
