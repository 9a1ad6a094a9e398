package flex

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// fresh returns the portfolio of a new profile.
func fresh(t require.TestingT, base ledger.Currency) *accounts.Portfolio {
	return freshFor(t, "U1234567", base)
}

// freshFor is fresh for another account.
func freshFor(t require.TestingT, account string, base ledger.Currency) *accounts.Portfolio {
	return freshIn(t, memstore.New(), account, base)
}

// freshIn is freshFor in a store.
func freshIn(t require.TestingT, store accounts.Store, account string, base ledger.Currency) *accounts.Portfolio {
	m, err := accounts.New(store)
	require.NoError(t, err)
	if c, ok := t.(interface{ Cleanup(func()) }); ok {
		c.Cleanup(func() { m.Close() })
	}
	profile := accounts.Optimal100K(account)
	profile.BaseCurrency = base
	profile, err = m.CreateProfile(context.Background(), profile)
	require.NoError(t, err)
	p, err := m.Portfolio(context.Background(), profile.ID)
	require.NoError(t, err)
	return p
}

// simImport imports a rendered statement.
func simImport(t *rapid.T, p *accounts.Portfolio, text string) (*Plan, int) {
	all, err := ReadAll(strings.NewReader(text))
	require.NoError(t, err, "the statement must be readable:\n%s", text)
	require.Len(t, all, 1)
	plan, added, err := Import(context.Background(), p, all[0])
	require.NoError(t, err, "the statement must import:\n%s", text)
	return plan, added
}

// check holds the portfolio against the simulated broker.
type check struct {
	*simHistory
	t      *rapid.T
	q      simQuery
	p      *accounts.Portfolio
	from   int
	since  int // where the last statement begins
	text   string
	plan   *Plan
	blurry map[int]bool // lineages of which the query hides what it takes
	untold bool         // a statement lacked the basis of what a spin-off brought
}

// newCheck notes which contracts the query leaves untold: without a cost column nobody knows the
// premium of an option that was bought before the statement and delivers in it, and without
// positions nobody knows which part of a delivery closed.
func newCheck(t *rapid.T, h *simHistory, q simQuery, p *accounts.Portfolio, from int) *check {
	c := &check{simHistory: h, t: t, q: q, p: p, from: from, since: from, blurry: map[int]bool{}}
	if from > 0 && (q.lacks("cost") || !q.positions) {
		maps.Copy(c.blurry, h.touched)
	}
	if from > 0 || !q.positions {
		maps.Copy(c.blurry, h.told)
	}
	return c
}

// incomplete reports whether the import said that the statement lacks what a corporate action
// takes: then the book is without it, and says so. That can be where no position tells what a
// merger brought of what was held before.
func (c *check) incomplete() bool {
	for _, i := range c.plan.Issues {
		if strings.Contains(i.Text, "nothing tells the cost basis") { // and so it is zero, until somebody says better
			maps.Copy(c.blurry, c.told)
			c.untold = true
		}
		if i.Section == "corporate action" && i.Unread {
			if c.hides(i.Text) || c.untold && strings.Contains(i.Text, "nothing tells how the cost basis") {
				return true // the basis of what a spin-off brought is not known either
			}
			require.Positive(c.t, c.since, "the statement has all that it takes: %s\n%s", i.Text, c.text)
			require.NoError(c.t, c.p.Verify(context.Background()), "the journal must verify\n%s", c.text)
			return true
		}
	}
	return false
}

// hides reports whether an action is of a contract by a name that no other row has: it was renamed
// twice.
func (c *check) hides(issue string) bool {
	_, about, found := strings.Cut(issue, ": ")
	parent, _, bracket := strings.Cut(about, "(")
	return found && bracket && strings.HasPrefix(issue, "not interpreted") && !strings.Contains(c.text, `"`+parent+`"`) && !strings.Contains(c.text, ","+parent+",")
}

// blur notes that what was held before the first of two statements is one lot with the sum of the
// basis: the second consumes it in parts whose share nobody told.
func (c *check) blur() {
	before := c.days[c.from].state
	for id := range before.lots {
		if before.quantity(id).Sign() != 0 {
			c.blurry[before.contracts[id].lineage] = true
			maps.Copy(c.blurry, c.touched)
		}
	}
}

// isBlurry tells it of a contract in the book.
func (c *check) isBlurry(key ledger.InstrumentKey) bool {
	for id, inst := range c.plan.Instruments {
		if inst.Key() == key {
			return c.blurry[c.contracts[int(id)].lineage]
		}
	}
	return false
}

// reconcile compares all that the statement states: there must be no breaks, and nothing may
// have escaped the comparison.
func (c *check) reconcile(to int) {
	outcome, err := c.p.Reconcile(context.Background(), c.plan.Broker)
	require.NoError(c.t, err)
	for _, b := range outcome.Breaks {
		require.True(c.t, c.isBlurry(b.Contract) && b.Field != "quantity" && b.Field != "cash", "a break: %s\n%s", b, c.text)
	}
	require.NoError(c.t, c.p.Verify(context.Background()), "the journal must verify\n%s", c.text)
	c.closings(to)
	c.holdings(to)
	c.cash(to)
}

// closings compares what every closing row realized.
func (c *check) closings(to int) {
	ours := map[string]ledger.Decimal{}
	closings, err := c.p.Closings(context.Background(), accounts.TradeFilter{})
	require.NoError(c.t, err)
	for _, recorded := range closings {
		closing := recorded.Value
		ours[string(closing.Trade.ExecID)] = closing.Realized
	}
	for _, row := range c.window(c.from, to) {
		if row.realized == nil || c.void(row, to) {
			continue
		}
		if row.section == "CorporateActions" && c.from > 0 && c.q.lacks("fifoPnlRealized") {
			continue // no other column of such a row tells what it closed had cost
		}
		id := row.fields["ibExecID"]
		switch {
		case row.section == "CorporateActions":
			id = "action-" + row.tx
		case c.q.lacks("ibExecID"):
			id = "tx-" + row.tx
		}
		if c.blurry[c.contracts[row.contract].lineage] {
			continue
		}
		realized, ok := ours[id]
		require.True(c.t, ok, "row %s closes %s of %d but the book has no such closing\n%s", id, plain(row.quantity, 6), row.contract, c.text)
		c.near(row.realized, realized, c.allowed(row), "row %s realizes", id)
	}
}

// holdings compares quantity and basis of everything that is held.
func (c *check) holdings(to int) {
	state := c.days[to].state
	held := map[int]ledger.Position{}
	for _, pos := range c.p.Positions() {
		if !pos.Quantity.IsZero() {
			held[int(pos.Instrument.ConID)] = pos
		}
	}
	if c.from > 0 && !c.q.positions {
		return // nothing tells what is left
	}
	for id := range state.lots {
		quantity := state.quantity(id)
		if quantity.Sign() == 0 {
			continue
		}
		pos, ok := held[id]
		require.True(c.t, ok, "contract %d: %s are held, the book has none\n%s", id, plain(quantity, 6), c.text)
		require.Equal(c.t, plain(quantity, 12), pos.Quantity.String(), "contract %d: quantity\n%s", id, c.text)
		if !c.blurry[state.contracts[id].lineage] {
			c.near(state.basis(id), pos.Basis, twice, "contract %d: basis", id)
		}
		delete(held, id)
	}
	require.Empty(c.t, held, "the book holds what the broker does not\n%s", c.text)
}

// cash compares the balances where the statement tells how they began.
func (c *check) cash(to int) {
	if c.from > 0 && (!c.q.report || c.days[c.from].state.quantity(future).Sign() != 0) {
		return
	}
	for currency, balance := range c.p.Cash() {
		want := c.days[to].state.ending(string(currency))
		want = sub(want, c.unsettled(to, string(currency)))
		c.near(want, balance.Balance(), rounding, "cash in %s", currency)
	}
}

// unsettled is what open futures gained by their marks, which the book does not have as cash.
func (c *check) unsettled(to int, currency string) *big.Rat {
	state := c.days[to].state
	if f := state.contracts[future]; f.currency == currency {
		return sub(times(times(state.quantity(future), f.mark), f.multiplier), state.basis(future))
	}
	return zero()
}

// rounding allows for the broker's rounding to six places, once per inferred lot.
var rounding = rat("0.0005")

// twice is rounding where an action divides a basis that another one has divided already: the rounding of a
// small closing is carried over to all that is left.
var twice = rat("0.001")

// allowed is the difference allowed in what a row realizes. Where no position tells what was held
// before, that is found by what the closings consumed, and cannot be told from what cost the same.
func (c *check) allowed(row *simRow) *big.Rat {
	if c.from > 0 && !c.q.positions {
		return add(rounding, times(abs(row.quantity), rat("0.01")))
	}
	return rounding
}

func (c *check) near(want *big.Rat, got ledger.Decimal, allowed *big.Rat, format string, args ...any) {
	if off := abs(sub(want, rat(got.String()))); off.Cmp(allowed) > 0 {
		require.Fail(c.t, fmt.Sprintf(format, args...), "%s, the broker says %s\n%s", got, want.FloatString(9), c.text)
	}
}

// inferred makes sure that exactly what was held at the beginning is flagged.
func (c *check) inferred() {
	before := c.days[c.from].state
	flagged := map[int]bool{}
	for _, lot := range c.plan.Inferred {
		flagged[c.contracts[int(lot.Instrument.ConID)].lineage] = true
	}
	held := map[int]bool{}
	for id := range before.lots {
		if before.quantity(id).Sign() != 0 {
			held[before.contracts[id].lineage] = true
		}
	}
	if !c.q.positions {
		for id := range flagged {
			require.True(c.t, held[id], "contract %d was flat at the beginning, but lots were inferred\n%s", id, c.text)
		}
		return
	}
	require.Equal(c.t, held, flagged, "contracts with inferred lots\n%s", c.text)
}

// drawStart draws the day at which a statement starts: the first, or one in mid-history. What was bought before that
// day, and behind an action that is told since, nobody can tell from what the action happened to.
func (h *simHistory) drawStart(t *rapid.T, last int) int {
	from := rapid.IntRange(0, last).Draw(t, "from")
	for h.days[from].between || h.untoldAt(from) {
		from--
	}
	return from
}

// untoldAt reports whether something had happened by the day that the broker tells later.
func (h *simHistory) untoldAt(day int) bool {
	return slices.ContainsFunc(h.rows[h.days[day].row:], func(row *simRow) bool {
		return row.section == "CorporateActions" && row.fields["dateTime"] < h.days[day].date.Format("20060102;150405")
	})
}

func TestSimulatedStatement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		h := drawHistory(t, q)
		last := len(h.days) - 1
		from := h.drawStart(t, last-1)
		text := h.render(t, q, from, last)
		c := newCheck(t, h, q, fresh(t, "USD"), from)
		c.text = text
		c.plan, _ = simImport(t, c.p, text)
		if c.incomplete() {
			return
		}
		c.reconcile(last)
		c.inferred()

		seq := c.p.Seq()
		again, added := simImport(t, c.p, text)
		require.Zero(t, added, "the same statement again must add nothing\n%s", text)
		require.Equal(t, seq, c.p.Seq())
		require.Empty(t, again.Inferred, "the same statement again must infer nothing\n%s", text)
	})
}

func TestSimulatedPeriods(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		h := drawHistory(t, q)
		last := len(h.days) - 1
		from := h.drawStart(t, last-2)
		cut := rapid.IntRange(from+1, last-1).Draw(t, "cut")
		next := rapid.IntRange(from, cut).Draw(t, "second from") // periods may overlap
		c := newCheck(t, h, q, fresh(t, "USD"), from)
		texts := []string{h.render(t, q, from, cut), h.render(t, q, next, last)}
		for i, to := range []int{cut, last} {
			c.since = []int{from, next}[i]
			c.text += "\n\n" + texts[i]
			c.plan, _ = simImport(t, c.p, texts[i])
			if c.incomplete() {
				return
			}
			c.reconcile(to)
			c.blur()
		}
		for _, text := range texts {
			_, added := simImport(t, c.p, text)
			require.Zero(t, added, "an old statement again must add nothing:\n%s\namong%s", text, c.text)
		}
		c.reconcile(last)
	})
}
