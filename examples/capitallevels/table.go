package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/performance"
)

// titles are what the table calls the metrics. Those whose title ends in % are shown as percentages.
var titles = map[performance.Metric]struct {
	text    string
	percent bool
}{
	performance.MetricProfit:       {"profit", false},
	performance.MetricTimeWeighted: {"time-weighted return", true},
	performance.MetricAnnualized:   {"annualized return", true},
	performance.MetricVolatility:   {"volatility", true},
	performance.MetricSharpe:       {"Sharpe ratio", false},
	performance.MetricSortino:      {"Sortino ratio", false},
	performance.MetricCalmar:       {"Calmar ratio", false},
	performance.MetricMaxDrawdown:  {"maximum drawdown", true},
	performance.MetricVaR95:        {"value at risk, 95 %, a day", true},
	performance.MetricVaR99:        {"value at risk, 99 %, a day", true},
	performance.MetricShortfall95:  {"expected shortfall, 95 %", true},
	performance.MetricShortfall99:  {"expected shortfall, 99 %", true},
	performance.MetricExposure:     {"exposure", true},
	performance.MetricTurnover:     {"turnover", true},
	performance.MetricWinRate:      {"win rate", true},
	performance.MetricProfitFactor: {"profit factor", false},
	performance.MetricExpectancy:   {"expectancy", false},
	performance.MetricAverageWin:   {"average win", false},
	performance.MetricAverageLoss:  {"average loss", false},
	performance.MetricFees:         {"fees", false},
}

// table returns a row for each metric and a column for each profile, under a row of their names and behind
// a column of titles. Percentages and money have two places; what is not defined is a dash.
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
	row("equity at the start", func(s *accounts.Standing) string { return money(s.Performance.StartEquity) })
	row("equity at the end", func(s *accounts.Standing) string { return money(s.Performance.EndEquity) })
	row("deposits less withdrawals", func(s *accounts.Standing) string { return money(s.Performance.Flows) })
	for _, m := range performance.Metrics() {
		row(titles[m].text, func(s *accounts.Standing) string { return figure(&s.Performance, m) })
	}
	row("drawdown, days", func(s *accounts.Standing) string { return strconv.Itoa(s.Performance.DrawdownDays) })
	row("closings", func(s *accounts.Standing) string { return strconv.Itoa(s.Performance.Closings) })
	row("trades", func(s *accounts.Standing) string { return strconv.Itoa(s.Performance.Trades) })
	return rows
}

// figure is one metric as the table shows it.
func figure(p *performance.Report, m performance.Metric) string {
	if amount, ok := p.Amount(m); ok {
		return money(amount)
	}
	v, ok := p.Value(m)
	switch {
	case !ok:
		return "-"
	case titles[m].percent:
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
