package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/performance"
)

// spans are what the table says of the stretch of time that a figure is of.
var spans = map[performance.Span]string{
	performance.SpanWindow: "",
	performance.SpanYear:   ", a year",
	performance.SpanPeriod: ", a period",
	performance.SpanMean:   ", mean",
	performance.SpanTrip:   ", round trips",
}

// figureTitle is what the table calls a figure: its name, what it is of, and for money that it is.
func figureTitle(d performance.Definition) string {
	if d.Unit == performance.UnitMoney {
		return d.Name + spans[d.Span] + ", money"
	}
	return d.Name + spans[d.Span]
}

// table returns a row for each metric and a column for each profile, under a row of their names and
// behind a column of titles. The first rows say in which currency and from when to when.
// Percentages and money have two places; what is not defined is a dash.
func table(c accounts.Comparison) [][]string {
	var rows [][]string
	row := func(title string, cell func(*accounts.Standing) string) {
		cells := []string{title}
		for i := range c.Standings {
			cells = append(cells, cell(&c.Standings[i]))
		}
		rows = append(rows, cells)
	}
	row("", func(s *accounts.Standing) string { return s.Name })
	row("currency of money", func(s *accounts.Standing) string { return string(s.Performance.Currency) })
	row("from", func(s *accounts.Standing) string { return s.Performance.From.Format(time.DateOnly) })
	row("to", func(s *accounts.Standing) string { return s.Performance.To.Format(time.DateOnly) })
	row("period of a return", func(s *accounts.Standing) string { return period(&s.Performance) })
	row("periods", func(s *accounts.Standing) string { return strconv.Itoa(s.Performance.Returns) })
	row("equity at the start", func(s *accounts.Standing) string { return money(s.Performance.StartEquity) })
	row("equity at the end", func(s *accounts.Standing) string { return money(s.Performance.EndEquity) })
	row("deposits less withdrawals", func(s *accounts.Standing) string { return money(s.Performance.Flows) })
	for _, d := range c.Definitions {
		row(figureTitle(d), func(s *accounts.Standing) string { return figure(&s.Performance, d) })
	}
	row("drawdown, days", func(s *accounts.Standing) string { return strconv.Itoa(s.Performance.DrawdownDays) })
	row("round trips", func(s *accounts.Standing) string { return strconv.Itoa(s.Performance.RoundTrips) })
	row("trades", func(s *accounts.Standing) string { return strconv.Itoa(s.Performance.Trades) })
	return rows
}

// period is what one return is of, with how many there are a year.
func period(p *performance.Report) string {
	if p.Period == "" {
		return "-"
	}
	return fmt.Sprintf("%s, %g a year", p.Period, p.PeriodsPerYear)
}

// figure is one metric as the table shows it.
func figure(p *performance.Report, d performance.Definition) string {
	if amount, ok := p.Amount(d.Metric); ok {
		return money(amount)
	}
	v, ok := p.Value(d.Metric)
	switch {
	case !ok:
		return "-"
	case d.Unit == performance.UnitFraction:
		return strconv.FormatFloat(v*100, 'f', 2, 64) + " %"
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// writeTable prints the table with its columns aligned.
func writeTable(w io.Writer, c accounts.Comparison) {
	aligned := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range table(c) {
		fmt.Fprintln(aligned, strings.Join(row, "\t")+"\t")
	}
	_ = aligned.Flush() // write errors are the writer's to remember
}

// writeSources prints who defined the figures.
func writeSources(w io.Writer, c accounts.Comparison) {
	for _, d := range c.Definitions {
		fmt.Fprintf(w, "  %s: %s\n", d.Name, d.Source)
	}
}
