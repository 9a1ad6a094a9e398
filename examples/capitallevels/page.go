package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"strings"

	"github.com/ai-ots/accounts/risk"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template shows.
type page struct {
	*report
	Commission, Spread string
	Profiles           []legend
	Charts             []chart
	Table              [][]string
	Count              string     // of signals
	Outcomes           [][]string // how many were held, and why the others were not
	Use                []ruleUse
	Held               []holding
}

type legend struct {
	Name, Color, Equity, Growth string
}

type chart struct {
	Title, Text string
	Desk, Phone template.HTML
}

// ruleUse is the greatest use of one limit by each profile.
type ruleUse struct {
	Rule  string
	Cells []usedShare
}

type usedShare struct {
	Share float64 // for the meter, which ends at 1
	Text  string
}

type holding struct{ Name, Positions, Cash string }

// writePage writes one page that needs nothing else: no script, no style sheet, no font, no
// network.
func writePage(name string, r *report) error {
	p, err := newPage(r)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

func newPage(r *report) (*page, error) {
	p := &page{report: r, Commission: commissionText, Spread: spreadText, Table: table(r.Comparison)}
	for _, c := range []struct {
		title, text string
		lines       lines
	}{
		{"Equity", "What 100 paid in at the beginning was worth at each close, so that accounts of all sizes can be compared.", r.growth()},
		{"Drawdown", "How far equity was below its peak at each close.", r.drawdowns()},
	} {
		desk, err := c.lines.svg(desk)
		if err != nil {
			return nil, err
		}
		phone, err := c.lines.svg(phone)
		if err != nil {
			return nil, err
		}
		p.Charts = append(p.Charts, chart{c.title, c.text, desk, phone})
	}
	for i, b := range r.books {
		end := b.curve[len(b.curve)-1].equity
		growth := end.InexactFloat64()/b.profile.CapitalLevel.Amount().InexactFloat64() - 1
		p.Profiles = append(p.Profiles, legend{b.profile.Name, palette[i], money(end), fmt.Sprintf("%+.1f %%", growth*100)})
		p.Held = append(p.Held, holding{b.profile.Name, b.positions(), money(b.latest.CashBase)})
	}
	p.Count, p.Outcomes = count(r.Signals, "signal"), r.signalTable()
	for _, rule := range r.rules() {
		p.Use = append(p.Use, r.use(rule))
	}
	return p, nil
}

// signalTable is the outcome of the signals by profile.
func (r *report) signalTable() [][]string {
	rows := [][]string{{""}, {"orders"}, {"refused"}}
	for _, b := range r.books {
		rows[0] = append(rows[0], b.profile.Name)
		rows[1] = append(rows[1], fmt.Sprint(b.held))
		rows[2] = append(rows[2], fmt.Sprint(b.refusals()))
	}
	for _, why := range r.reasons() {
		row := []string{"by " + strings.ReplaceAll(why, "_", " ")}
		for _, b := range r.books {
			row = append(row, fmt.Sprint(b.refused[why]))
		}
		rows = append(rows, row)
	}
	resumed := []string{"resumed after losses"}
	for _, b := range r.books {
		resumed = append(resumed, fmt.Sprint(len(b.resumed)))
	}
	return append(rows, resumed)
}

func (r *report) use(rule risk.Rule) ruleUse {
	u := ruleUse{Rule: title(rule)}
	for _, b := range r.books {
		share := b.peaks[rule].share()
		u.Cells = append(u.Cells, usedShare{min(share, 1), percent(share)})
	}
	return u
}
