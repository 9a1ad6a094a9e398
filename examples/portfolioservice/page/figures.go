package page

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
)

var figureRoutes = []route{
	{method: "GET", path: "/p/{id}/figures", right: httpapi.Read, at: "portfolio", run: showEquityFigures},
	{method: "GET", path: "/p/{id}/performance/figures", right: httpapi.Read, at: "performance", run: showIndexFigures},
	{method: "GET", path: "/compare/figures", right: httpapi.Read, at: "performance", run: showIndexFigures},
}

// figuresView is the table of the figures behind a chart.
type figuresView struct {
	Heading string
	Back    string
	Ranges  []chip
	Columns []figureColumn
	Rows    []figuresRow
	Older   string // the path of the figures before; empty where that is all
}

// figureColumn is what a column has: a figure, of an account where there are several.
type figureColumn struct {
	Word    string
	Account *account
}

// figuresRow is the figures of one time.
type figuresRow struct {
	When  moment
	Cells []figureText
}

// figureText is a figure, empty where it is not known, and what is said below it.
type figureText struct{ Text, Below string }

// perTable is how many rows a page of figures has.
const perTable = 250

// showEquityFigures shows what is behind the chart of an account's equity.
func showEquityFigures(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	p, err := c.portfolio()
	if err != nil {
		return err
	}
	path := a.Path("figures")
	s, window, chips := c.stretch(equityStretches, path)
	curve, err := p.Curve(c.ctx, window)
	if err != nil {
		return err
	}
	view := figuresView{Heading: "Equity, " + s.Words, Back: a.Path() + "?range=" + s.Word, Ranges: chips,
		Columns: []figureColumn{{Word: "Equity, " + string(a.Currency())}, {Word: "Index"}, {Word: "Below the high"}}}
	high := 0.0
	for _, point := range curve.Points {
		row := figuresRow{When: c.stamp(point.Time), Cells: []figureText{{Text: cents(point.Equity).String()}, {}, {}}}
		if high = max(high, point.Index); curve.Indexed && high > 0 {
			row.Cells[1].Text, row.Cells[2].Text = fmt.Sprintf("%.2f", 100*point.Index), percent(1-point.Index/high, 2)
		}
		view.Rows = append(view.Rows, row)
	}
	view.cut(c, path+"?range="+s.Word)
	return c.render("figures", "Figures of the equity", view)
}

// showIndexFigures shows what is behind the charts of performance: the last index of each day.
func showIndexFigures(c *call) error {
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	back := "/compare"
	if c.profileID() != "" {
		back = c.below("performance")
	}
	path := back + "/figures"
	s, window, chips := c.stretch(performanceStretches, path)
	list, err := c.measure(chosen, window)
	if err != nil {
		return err
	}
	view := figuresView{Heading: "Index, " + s.Words, Back: back + "?range=" + s.Word, Ranges: chips}
	byDay := map[ledger.Date][]figureText{}
	for i := range list {
		m := &list[i]
		view.Columns = append(view.Columns, figureColumn{Word: "Index", Account: &m.account})
		if !m.curve.Indexed {
			continue
		}
		high := 0.0
		for _, point := range m.curve.Points {
			day := ledger.DateOf(point.Time.In(c.page.Location))
			if byDay[day] == nil {
				byDay[day] = make([]figureText, len(list))
			}
			byDay[day][i].Text = fmt.Sprintf("%.2f", 100*point.Index)
			if high = max(high, point.Index); high > 0 {
				byDay[day][i].Below = percent(1-point.Index/high, 2) + " below the high"
			}
		}
	}
	days := make([]ledger.Date, 0, len(byDay))
	for day := range byDay {
		days = append(days, day)
	}
	slices.Sort(days)
	for _, day := range days {
		view.Rows = append(view.Rows, figuresRow{When: c.at(day.Time(c.page.Location), "Mon 2 Jan 06"), Cells: byDay[day]})
	}
	view.cut(c, path+"?range="+s.Word)
	return c.render("figures", "Figures of the performance", view)
}

// cut turns the rows around, so that the newest come first, and leaves one page of them.
func (v *figuresView) cut(c *call, path string) {
	slices.Reverse(v.Rows)
	skip, err := strconv.Atoi(c.r.URL.Query().Get("skip"))
	if err != nil || skip < 0 || skip >= len(v.Rows) {
		skip = 0
	}
	v.Rows = v.Rows[skip:]
	if len(v.Rows) > perTable {
		v.Rows = v.Rows[:perTable]
		v.Older = path + "&skip=" + itoa(skip+perTable)
	}
}
