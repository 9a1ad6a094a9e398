package accounts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// option returns an option on the symbol with a strike, one of three expiries.
func option(symbol string, expiry accounts.Date, right accounts.Right, strike string) accounts.Instrument {
	return accounts.NewOption(symbol, expiry, right, dec(strike), "USD")
}

const (
	december = accounts.Date(20261218)
	january  = accounts.Date(20270115)
	february = accounts.Date(20270219)
)

// covered returns a desk without uncovered options, the positions held and everything marked.
func covered(t *testing.T, cash string, positions ...accounts.Order) *desk {
	t.Helper()
	d := newDesk(t, func(l *accounts.RiskLimits) { l.UncoveredOptions = false })
	for _, right := range []accounts.Right{accounts.Call, accounts.Put} {
		for _, expiry := range []accounts.Date{december, january, february} {
			for _, strike := range []string{"50", "60", "90"} {
				d.mark(t, option("XYZ", expiry, right, strike), "1")
			}
		}
	}
	d.mark(t, option("ABC", january, accounts.Put, "10"), "1")
	d.mark(t, abc, "10")
	d.set(opening.AddDate(0, 0, -4)) // so that it has settled
	for _, p := range positions {
		price := "1"
		switch p.Instrument.Symbol + string(p.Instrument.SecType) {
		case "XYZSTK":
			price = "100"
		case "ABCSTK":
			price = "10"
		}
		d.fill(t, "", p.Instrument, p.Quantity.String(), price)
	}
	d.set(opening)
	if off := dec(cash).Sub(d.portfolio.Cash()["USD"].Balance()); !off.IsZero() {
		d.cash(t, accounts.OtherCash, "USD", off.String())
	}
	return d
}

// TestCover: short options need cover: calls shares, or calls that expire no earlier; puts short shares, puts that expire
// no earlier, or the strike in cash.
func TestCover(t *testing.T) {
	held := func(i accounts.Instrument, quantity string) accounts.Order { return order("", i, quantity) }
	call := func(expiry accounts.Date, strike string) accounts.Instrument {
		return option("XYZ", expiry, accounts.Call, strike)
	}
	put := func(expiry accounts.Date, strike string) accounts.Instrument {
		return option("XYZ", expiry, accounts.Put, strike)
	}
	lacks := func(shares string) string { return broken(accounts.RuleUncovered, "XYZ", shares, "0") }
	owes := func(owed, cash string) string { return broken(accounts.RuleUncovered, "XYZ", owed, cash) }
	for name, c := range map[string]struct {
		cash    string
		held    []accounts.Order
		working []accounts.Order
		order   accounts.Order
		refused string
	}{
		"covered call":                        {held: []accounts.Order{held(xyz, "100")}, order: order("o", call(january, "60"), "-1")},
		"covered call, a share short":         {held: []accounts.Order{held(xyz, "99")}, order: order("o", call(january, "60"), "-1"), refused: lacks("1")},
		"one call too many":                   {held: []accounts.Order{held(xyz, "100")}, order: order("o", call(january, "60"), "-2"), refused: lacks("100")},
		"a second call on the same shares":    {held: []accounts.Order{held(xyz, "100"), held(call(january, "60"), "-1")}, order: order("o", call(december, "90"), "-1"), refused: lacks("100")},
		"shares that are being sold":          {held: []accounts.Order{held(xyz, "100")}, working: []accounts.Order{order("w", xyz, "-1")}, order: order("o", call(january, "60"), "-1"), refused: lacks("1")},
		"shares that are only being bought":   {working: []accounts.Order{order("w", xyz, "100")}, order: order("o", call(january, "60"), "-1"), refused: lacks("100")},
		"shares of another underlying":        {held: []accounts.Order{held(abc, "100")}, order: order("o", call(january, "60"), "-1"), refused: lacks("100")},
		"a call that works counts":            {held: []accounts.Order{held(xyz, "100")}, working: []accounts.Order{order("w", call(january, "60"), "-1")}, order: order("o", call(january, "90"), "-1"), refused: lacks("100")},
		"vertical":                            {held: []accounts.Order{held(call(january, "60"), "1")}, order: order("o", call(january, "50"), "-1")},
		"calendar, the long one later":        {held: []accounts.Order{held(call(february, "50"), "1")}, order: order("o", call(january, "50"), "-1")},
		"calendar, the long one earlier":      {held: []accounts.Order{held(call(december, "50"), "1")}, order: order("o", call(january, "50"), "-1"), refused: lacks("100")},
		"one long call for two short":         {held: []accounts.Order{held(call(february, "50"), "1"), held(call(december, "60"), "-1")}, order: order("o", call(january, "60"), "-1"), refused: lacks("100")},
		"a long call that is only working":    {working: []accounts.Order{order("w", call(february, "50"), "1")}, order: order("o", call(january, "50"), "-1"), refused: lacks("100")},
		"a put covers no call":                {held: []accounts.Order{held(put(february, "50"), "1")}, order: order("o", call(january, "50"), "-1"), refused: lacks("100")},
		"more of a long call than there is":   {held: []accounts.Order{held(call(january, "50"), "2")}, order: order("o", call(january, "50"), "-3"), refused: lacks("100")},
		"cash-secured put":                    {cash: "6000", order: order("o", put(january, "60"), "-1")},
		"a cent too little":                   {cash: "5999.99", order: order("o", put(january, "60"), "-1"), refused: owes("6000", "5999.99")},
		"a put that works needs its cash":     {cash: "11000", working: []accounts.Order{order("w", put(january, "60"), "-1")}, order: order("o", put(february, "60"), "-1"), refused: owes("12000", "11000")},
		"a put of another underlying, too":    {cash: "6999", working: []accounts.Order{order("w", option("ABC", january, accounts.Put, "10"), "-1")}, order: order("o", put(january, "60"), "-1"), refused: owes("7000", "6999")},
		"put vertical":                        {cash: "10", held: []accounts.Order{held(put(january, "50"), "1"), held(xyz, "100")}, order: order("o", put(january, "60"), "-1")},
		"put calendar, the long one earlier":  {cash: "10", held: []accounts.Order{held(put(december, "60"), "1"), held(xyz, "100")}, order: order("o", put(january, "60"), "-1"), refused: owes("6000", "10")},
		"short shares cover a put":            {cash: "27000", held: []accounts.Order{held(xyz, "-100")}, order: order("o", put(january, "90"), "-4")},
		"short shares cover one put, not two": {cash: "12600", held: []accounts.Order{held(xyz, "-100"), held(put(december, "60"), "-1")}, order: order("o", put(january, "90"), "-2"), refused: owes("18000", "12600")},

		// Orders that reduce are no exception: whoever sells the cover first is left with what it covered.
		"shares under a call are not sold":  {held: []accounts.Order{held(xyz, "150"), held(call(january, "60"), "-1")}, order: order("o", xyz, "-51"), refused: lacks("1")},
		"shares beside a call are":          {held: []accounts.Order{held(xyz, "150"), held(call(january, "60"), "-1")}, order: order("o", xyz, "-50")},
		"shares under a call that works":    {held: []accounts.Order{held(xyz, "100")}, working: []accounts.Order{order("w", call(january, "60"), "-1")}, order: order("o", xyz, "-1"), refused: lacks("1")},
		"the long leg is not sold first":    {held: []accounts.Order{held(call(february, "60"), "1"), held(call(january, "50"), "-1")}, order: order("o", call(february, "60"), "-1"), refused: lacks("100")},
		"the short leg may be bought":       {held: []accounts.Order{held(call(february, "60"), "1"), held(call(january, "50"), "-1")}, order: order("o", call(january, "50"), "1")},
		"the long put is not sold first":    {cash: "10", held: []accounts.Order{held(xyz, "100"), held(put(january, "50"), "1"), held(put(january, "60"), "-1")}, order: order("o", put(january, "50"), "-1"), refused: owes("6000", "10")},
		"short shares are not bought first": {cash: "11000", held: []accounts.Order{held(xyz, "-100"), held(put(january, "60"), "-2")}, order: order("o", xyz, "100"), refused: owes("12000", "11000")},
		"what is uncovered already may go":  {held: []accounts.Order{held(call(january, "60"), "-2"), held(abc, "10")}, order: order("o", abc, "-10")},
		"and be made less so":               {held: []accounts.Order{held(call(january, "60"), "-2")}, order: order("o", call(january, "60"), "1")},
	} {
		t.Run(name, func(t *testing.T) {
			if c.cash == "" {
				c.cash = "100000"
			}
			d := covered(t, c.cash, c.held...)
			for _, o := range c.working {
				d.accept(t, o)
			}
			if c.refused == "" {
				d.accept(t, c.order)
				return
			}
			got := d.portfolio.Check(c.order)
			require.True(t, got.Broken(accounts.RuleUncovered), "it must be refused for want of cover: %s", got)
			require.Contains(t, allSaid(got.Violations), c.refused, "the figures are others")
			d.refuse(t, c.order, allSaid(got.Violations)...)
		})
	}
}

// TestCoverUnsettled: what secures a put has settled.
func TestCoverUnsettled(t *testing.T) {
	d := covered(t, "5000", order("", abc, "100"))
	d.fill(t, "", abc, "-100", "10")
	sold := option("XYZ", january, accounts.Put, "60")
	d.refuse(t, order("today", sold, "-1"), broken(accounts.RuleUncovered, "XYZ", "6000", "5000"))
	d.advance(24 * time.Hour)
	d.mark(t, sold, "1")
	d.mark(t, xyz, "100")
	d.accept(t, order("tomorrow", sold, "-1"))
}

// TestCoverUnknown: the cover of a put in a currency without a rate must not be sold as though nothing were owed.
func TestCoverUnknown(t *testing.T) {
	d := newDesk(t, func(l *accounts.RiskLimits) { l.UncoveredOptions = false })
	long := accounts.NewOption("SAP", january, accounts.Put, dec("90"), "EUR")
	short := accounts.NewOption("SAP", january, accounts.Put, dec("100"), "EUR")
	d.fill(t, "", long, "1", "1")
	d.fill(t, "", short, "-1", "2")
	d.mark(t, long, "1")
	d.mark(t, short, "2")
	d.refuse(t, order("cover", long, "-1"), broken(accounts.RuleUncovered, "SAP", "100", "0"))
	d.exit(t, order("short", short, "1"))
	require.NoError(t, d.portfolio.Release(t.Context(), "short", "cancelled"))
	d.rate(t, "EUR", "1.1") // 100 × 100 × 1.1 is within 100,110 of cash
	d.exit(t, order("known", long, "-1"))
}

// TestUncoveredPermitted: where uncovered options are permitted, margin and exposure alone bound them; in a cash account never.
func TestUncoveredPermitted(t *testing.T) {
	d := newDesk(t, nil)
	d.mark(t, lateCall, "50")
	d.accept(t, order("naked", lateCall, "-1"))
	d.tighten(t, func(l *accounts.RiskLimits) { l.Account = accounts.CashAccount })
	d.refuse(t, order("cash", lateCall, "-1", "50.01"), broken(accounts.RuleUncovered, "XYZ", "200", "0"))
}

// TestOptionExposure: long options count their premium, short ones strike × multiplier, in whichever way orders fill.
func TestOptionExposure(t *testing.T) {
	d := newDesk(t, nil)
	gross := func(want, why string) {
		t.Helper()
		require.Equal(t, want, d.portfolio.Snapshot().Risk.Gross.String(), why)
	}
	d.mark(t, lateCall, "2")
	d.hold(t, lateCall, "3", "2")
	gross("600", "3 × 2 × 100")
	d.accept(t, order("buy", lateCall, "2", "2.5"))
	gross("1100", "and 2 × 2.50 × 100 at the order's own price")
	d.accept(t, order("sell", lateCall, "-4"))
	gross("5000", "if the sale alone fills, one is short: 1 × 50 × 100")
	d.fill(t, "sell", lateCall, "-4", "2")
	gross("5000", "it did")
	d.fill(t, "buy", lateCall, "2", "2.5")
	gross("200", "1 long at 2")
}

// TestExpiredContract: a contract may be opened up to its last day, and left at any time.
func TestExpiredContract(t *testing.T) {
	today := option("XYZ", 20260601, accounts.Call, "50")
	d := newDesk(t, nil)
	d.hold(t, today, "2", "50")
	d.accept(t, order("last day", today, "1"))
	d.advance(13 * time.Hour) // midnight in New York
	d.mark(t, today, "50")
	d.mark(t, xyz, "100")
	d.refuse(t, order("expired", today, "1"), broken(accounts.RuleInstrument, string(today.Key()), "0", "0"))
	d.exit(t, order("out", today, "-2"))
}

// TestSymbolsByUnderlying: what may be traded is told by the underlying, whatever kind of contract it is.
func TestSymbolsByUnderlying(t *testing.T) {
	weekly := accounts.NewOption("XYZW", january, accounts.Call, dec("50"), "USD")
	weekly.Underlying = "XYZ"
	cfd := accounts.Instrument{SecType: accounts.CFD, Symbol: "XYZ", Currency: "USD"}
	d := newDesk(t, func(l *accounts.RiskLimits) { l.RestrictedSymbols = []string{"XYZ"} })
	for id, i := range map[accounts.OrderID]accounts.Instrument{"stock": xyz, "option": lateCall, "weekly": weekly, "cfd": cfd} {
		d.mark(t, i, "2")
		d.refuse(t, order(id, i, "1"), broken(accounts.RuleRestricted, "XYZ", "0", "0"))
	}
	d.mark(t, abc, "10")
	d.accept(t, order("another", abc, "1"))

	d = newDesk(t, func(l *accounts.RiskLimits) {
		l.AllowedSymbols = []string{"XYZ"}
		l.RestrictedSymbols = []string{"ABC"}
	})
	d.mark(t, weekly, "2")
	d.mark(t, abc, "10")
	d.mark(t, oil, "60")
	d.accept(t, order("weekly", weekly, "1"))
	d.refuse(t, order("oil", oil, "1"), broken(accounts.RuleSymbol, "CL", "0", "0"))
	d.refuse(t, order("both", abc, "1"), broken(accounts.RuleSymbol, "ABC", "0", "0"), broken(accounts.RuleRestricted, "ABC", "0", "0"))
}

// TestShortSelling: whatever is not permitted short may be sold as far as it is held, working sales counted.
func TestShortSelling(t *testing.T) {
	cfd := accounts.Instrument{SecType: accounts.CFD, Symbol: "XYZ", Currency: "USD"}
	for name, i := range map[string]accounts.Instrument{"stock": xyz, "CFD": cfd} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(l *accounts.RiskLimits) { l.ShortSelling = false })
			d.hold(t, i, "100", "100")
			d.exit(t, order("some", i, "-60"))
			d.refuse(t, order("over", i, "-40.01"), broken(accounts.RuleShort, string(i.Key()), "0.01", "0"))
			d.exit(t, order("rest", i, "-40"))
		})
	}
	d := newDesk(t, func(l *accounts.RiskLimits) { l.ShortSelling = false })
	d.mark(t, oil, "60")
	d.mark(t, euro, "1.1")
	d.accept(t, order("a future is as easily sold as bought", oil, "-1"))
	d.accept(t, order("a currency is exchanged", euro, "-1000"))
}

// TestCashOfShortPutsIsNotSpent: what a put is secured by may not be spent on anything else, working or new.
func TestCashOfShortPutsIsNotSpent(t *testing.T) {
	d := newDesk(t, func(l *accounts.RiskLimits) { l.UncoveredOptions = false })
	put := accounts.NewOption("XYZ", january, accounts.Put, dec("50"), "USD")
	d.mark(t, put, "2")
	d.accept(t, order("put", put, "-10")) // 10 × 100 × 50 = 50,000 of 100,000
	d.accept(t, order("buy", xyz, "400")) // 40,000 are working, 60,000 are left
	d.refuse(t, order("more", xyz, "101"), broken(accounts.RuleUncovered, "XYZ", "50000", "49900"))
	d.accept(t, order("rest", xyz, "100"))
	d.refuse(t, order("another", put, "-1"), broken(accounts.RuleUncovered, "XYZ", "55000", "50000"))
}
