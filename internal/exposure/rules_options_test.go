package exposure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// option returns an option on the symbol with a strike, one of three expiries.
func option(symbol string, expiry ledger.Date, right ledger.Right, strike string) ledger.Instrument {
	return ledger.NewOption(symbol, expiry, right, dec(strike), "USD")
}

const (
	december = ledger.Date(20261218)
	january  = ledger.Date(20270115)
	february = ledger.Date(20270219)
)

// covered returns a desk without uncovered options, the positions held and everything marked.
func covered(t *testing.T, cash string, positions ...risk.Order) *desk {
	t.Helper()
	d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
	for _, right := range []ledger.Right{ledger.Call, ledger.Put} {
		for _, expiry := range []ledger.Date{december, january, february} {
			for _, strike := range []string{"50", "60", "90"} {
				d.Mark(t, option("XYZ", expiry, right, strike), "1")
			}
		}
	}
	d.Mark(t, option("ABC", january, ledger.Put, "10"), "1")
	d.Mark(t, abc, "10")
	d.Set(now.AddDate(0, 0, -4)) // so that it has settled
	for _, p := range positions {
		price := "1"
		switch p.Instrument.Symbol + string(p.Instrument.SecType) {
		case "XYZSTK":
			price = "100"
		case "ABCSTK":
			price = "10"
		}
		d.Fill(t, "", p.Instrument, p.Quantity.String(), price)
	}
	d.Set(now)
	if off := dec(cash).Sub(d.Portfolio.Cash()["USD"].Balance()); !off.IsZero() {
		d.Cash(t, ledger.OtherCash, "USD", off.String())
	}
	return d
}

// TestCover: short options need cover: calls shares, or calls that expire no earlier; puts short
// shares, puts that expire no earlier, or the strike in cash.
func TestCover(t *testing.T) {
	held := func(i ledger.Instrument, quantity string) risk.Order { return order("", i, quantity) }
	call := func(expiry ledger.Date, strike string) ledger.Instrument {
		return option("XYZ", expiry, ledger.Call, strike)
	}
	put := func(expiry ledger.Date, strike string) ledger.Instrument {
		return option("XYZ", expiry, ledger.Put, strike)
	}
	lacks := func(shares string) string { return broken(risk.RuleUncovered, "XYZ", shares, "0") }
	owes := func(owed, cash string) string { return broken(risk.RuleUncovered, "XYZ", owed, cash) }
	for name, c := range map[string]struct {
		cash    string
		held    []risk.Order
		working []risk.Order
		order   risk.Order
		refused string
	}{
		"covered call":                        {held: []risk.Order{held(xyz, "100")}, order: order("o", call(january, "60"), "-1")},
		"covered call, a share short":         {held: []risk.Order{held(xyz, "99")}, order: order("o", call(january, "60"), "-1"), refused: lacks("1")},
		"one call too many":                   {held: []risk.Order{held(xyz, "100")}, order: order("o", call(january, "60"), "-2"), refused: lacks("100")},
		"a second call on the same shares":    {held: []risk.Order{held(xyz, "100"), held(call(january, "60"), "-1")}, order: order("o", call(december, "90"), "-1"), refused: lacks("100")},
		"shares that are being sold":          {held: []risk.Order{held(xyz, "100")}, working: []risk.Order{order("w", xyz, "-1")}, order: order("o", call(january, "60"), "-1"), refused: lacks("1")},
		"shares that are only being bought":   {working: []risk.Order{order("w", xyz, "100")}, order: order("o", call(january, "60"), "-1"), refused: lacks("100")},
		"shares of another underlying":        {held: []risk.Order{held(abc, "100")}, order: order("o", call(january, "60"), "-1"), refused: lacks("100")},
		"a call that works counts":            {held: []risk.Order{held(xyz, "100")}, working: []risk.Order{order("w", call(january, "60"), "-1")}, order: order("o", call(january, "90"), "-1"), refused: lacks("100")},
		"vertical":                            {held: []risk.Order{held(call(january, "60"), "1")}, order: order("o", call(january, "50"), "-1")},
		"calendar, the long one later":        {held: []risk.Order{held(call(february, "50"), "1")}, order: order("o", call(january, "50"), "-1")},
		"calendar, the long one earlier":      {held: []risk.Order{held(call(december, "50"), "1")}, order: order("o", call(january, "50"), "-1"), refused: lacks("100")},
		"one long call for two short":         {held: []risk.Order{held(call(february, "50"), "1"), held(call(december, "60"), "-1")}, order: order("o", call(january, "60"), "-1"), refused: lacks("100")},
		"a long call that is only working":    {working: []risk.Order{order("w", call(february, "50"), "1")}, order: order("o", call(january, "50"), "-1"), refused: lacks("100")},
		"a put covers no call":                {held: []risk.Order{held(put(february, "50"), "1")}, order: order("o", call(january, "50"), "-1"), refused: lacks("100")},
		"more of a long call than there is":   {held: []risk.Order{held(call(january, "50"), "2")}, order: order("o", call(january, "50"), "-3"), refused: lacks("100")},
		"cash-secured put":                    {cash: "6000", order: order("o", put(january, "60"), "-1")},
		"a cent too little":                   {cash: "5999.99", order: order("o", put(january, "60"), "-1"), refused: owes("6000", "5999.99")},
		"a put that works needs its cash":     {cash: "11000", working: []risk.Order{order("w", put(january, "60"), "-1")}, order: order("o", put(february, "60"), "-1"), refused: owes("12000", "11000")},
		"a put of another underlying, too":    {cash: "6999", working: []risk.Order{order("w", option("ABC", january, ledger.Put, "10"), "-1")}, order: order("o", put(january, "60"), "-1"), refused: owes("7000", "6999")},
		"put vertical":                        {cash: "1000", held: []risk.Order{held(put(january, "50"), "1"), held(xyz, "100")}, order: order("o", put(january, "60"), "-1")},
		"put vertical, a cent too little":     {cash: "999.99", held: []risk.Order{held(put(january, "50"), "1"), held(xyz, "100")}, order: order("o", put(january, "60"), "-1"), refused: owes("1000", "999.99")},
		"put vertical with nothing at risk":   {cash: "10", held: []risk.Order{held(put(january, "90"), "1"), held(xyz, "100")}, order: order("o", put(january, "60"), "-1")},
		"put calendar, the long one earlier":  {cash: "10", held: []risk.Order{held(put(december, "60"), "1"), held(xyz, "100")}, order: order("o", put(january, "60"), "-1"), refused: owes("6000", "10")},
		"short shares cover a put":            {cash: "27000", held: []risk.Order{held(xyz, "-100")}, order: order("o", put(january, "90"), "-4")},
		"short shares cover one put, not two": {cash: "12600", held: []risk.Order{held(xyz, "-100"), held(put(december, "60"), "-1")}, order: order("o", put(january, "90"), "-2"), refused: owes("15000", "12600")},

		// Orders that reduce are no exception: a short option whose cover is sold first is uncovered.
		"shares under a call are not sold":  {held: []risk.Order{held(xyz, "150"), held(call(january, "60"), "-1")}, order: order("o", xyz, "-51"), refused: lacks("1")},
		"shares beside a call are":          {held: []risk.Order{held(xyz, "150"), held(call(january, "60"), "-1")}, order: order("o", xyz, "-50")},
		"shares under a call that works":    {held: []risk.Order{held(xyz, "100")}, working: []risk.Order{order("w", call(january, "60"), "-1")}, order: order("o", xyz, "-1"), refused: lacks("1")},
		"the long leg is not sold first":    {held: []risk.Order{held(call(february, "60"), "1"), held(call(january, "50"), "-1")}, order: order("o", call(february, "60"), "-1"), refused: lacks("100")},
		"the short leg may be bought":       {held: []risk.Order{held(call(february, "60"), "1"), held(call(january, "50"), "-1")}, order: order("o", call(january, "50"), "1")},
		"the long put is not sold first":    {cash: "10", held: []risk.Order{held(xyz, "100"), held(put(january, "50"), "1"), held(put(january, "60"), "-1")}, order: order("o", put(january, "50"), "-1"), refused: owes("6000", "10")},
		"short shares are not bought first": {cash: "11000", held: []risk.Order{held(xyz, "-100"), held(put(january, "60"), "-2")}, order: order("o", xyz, "100"), refused: owes("12000", "1000")},
		"what is uncovered already may go":  {held: []risk.Order{held(call(january, "60"), "-2"), held(abc, "10")}, order: order("o", abc, "-10")},
		"and be made less so":               {held: []risk.Order{held(call(january, "60"), "-2")}, order: order("o", call(january, "60"), "1")},
	} {
		t.Run(name, func(t *testing.T) {
			if c.cash == "" {
				c.cash = "100000"
			}
			d := covered(t, c.cash, c.held...)
			for _, o := range c.working {
				d.Accept(t, o)
			}
			if c.refused == "" {
				d.Accept(t, c.order)
				return
			}
			got := d.Portfolio.Check(c.order)
			require.True(t, got.Broken(risk.RuleUncovered), "it must be refused for want of cover: %s", got)
			require.Contains(t, allSaid(got.Violations), c.refused, "the figures are others")
			d.Refuse(t, c.order, allSaid(got.Violations)...)
		})
	}
}

// TestCoverUnsettled: what secures a put has settled.
func TestCoverUnsettled(t *testing.T) {
	d := covered(t, "5000", order("", abc, "100"))
	d.Fill(t, "", abc, "-100", "10")
	sold := option("XYZ", january, ledger.Put, "60")
	d.Refuse(t, order("today", sold, "-1"), broken(risk.RuleUncovered, "XYZ", "6000", "5000"))
	d.Advance(24 * time.Hour)
	d.Mark(t, sold, "1")
	d.Mark(t, xyz, "100")
	d.Accept(t, order("tomorrow", sold, "-1"))
}

// TestCoverUnknown: the cover of a put in a currency without a rate must not be sold as though nothing were owed.
func TestCoverUnknown(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
	long := ledger.NewOption("SAP", january, ledger.Put, dec("90"), "EUR")
	short := ledger.NewOption("SAP", january, ledger.Put, dec("100"), "EUR")
	d.Fill(t, "", long, "1", "1")
	d.Fill(t, "", short, "-1", "2")
	d.Mark(t, long, "1")
	d.Mark(t, short, "2")
	d.Refuse(t, order("cover", long, "-1"), broken(risk.RuleNoFX, "SAP", "0", "0"))
	d.Exit(t, order("short", short, "1"))
	require.NoError(t, d.Portfolio.Release(t.Context(), "short", "cancelled"))
	d.Rate(t, "EUR", "1.1") // 100 × 100 × 1.1 is within 100,110 of cash
	d.Exit(t, order("known", long, "-1"))
}

// TestUncoveredPermitted: where uncovered options are permitted, margin and exposure alone bound
// them; in a cash account never.
func TestUncoveredPermitted(t *testing.T) {
	d := newDesk(t, nil)
	d.Mark(t, lateCall, "50")
	d.Accept(t, order("naked", lateCall, "-1"))
	d.Tighten(t, func(l *risk.Limits) { l.Account = risk.CashAccount })
	d.Refuse(t, order("cash", lateCall, "-1", "50.01"), broken(risk.RuleUncovered, "XYZ", "200", "0"))
}

// TestOptionExposure: long options count their premium, short ones strike × multiplier, in whichever way orders fill.
func TestOptionExposure(t *testing.T) {
	d := newDesk(t, nil)
	gross := func(want, why string) {
		t.Helper()
		require.Equal(t, want, d.Portfolio.Snapshot().Risk.Gross.String(), why)
	}
	d.Mark(t, lateCall, "2")
	d.Hold(t, lateCall, "3", "2")
	gross("600", "3 × 2 × 100")
	d.Accept(t, order("buy", lateCall, "2", "2.5"))
	gross("1100", "and 2 × 2.50 × 100 at the order's own price")
	d.Accept(t, order("sell", lateCall, "-4"))
	gross("5000", "if the sale alone fills, one is short: 1 × 50 × 100")
	d.Fill(t, "sell", lateCall, "-4", "2")
	gross("5000", "it did")
	d.Fill(t, "buy", lateCall, "2", "2.5")
	gross("200", "1 long at 2")
}

// TestExpiredContract: a contract may be opened up to its last day, and left at any time.
func TestExpiredContract(t *testing.T) {
	today := option("XYZ", 20260601, ledger.Call, "50")
	d := newDesk(t, nil)
	d.Hold(t, today, "2", "50")
	d.Accept(t, order("last day", today, "1"))
	d.Advance(13 * time.Hour) // midnight in New York
	d.Mark(t, today, "50")
	d.Mark(t, xyz, "100")
	d.Refuse(t, order("expired", today, "1"), broken(risk.RuleInstrument, string(today.Key()), "0", "0"))
	d.Exit(t, order("out", today, "-2"))
}

// TestSymbolsByUnderlying: what may be traded is told by the underlying, whatever kind of contract it is.
func TestSymbolsByUnderlying(t *testing.T) {
	weekly := ledger.NewOption("XYZW", january, ledger.Call, dec("50"), "USD")
	weekly.Underlying = "XYZ"
	cfd := ledger.Instrument{SecType: ledger.CFD, Symbol: "XYZ", Currency: "USD"}
	d := newDesk(t, func(l *risk.Limits) { l.RestrictedSymbols = []string{"XYZ"} })
	for id, i := range map[ledger.OrderID]ledger.Instrument{"stock": xyz, "option": lateCall, "weekly": weekly, "cfd": cfd} {
		d.Mark(t, i, "2")
		d.Refuse(t, order(id, i, "1"), broken(risk.RuleRestricted, "XYZ", "0", "0"))
	}
	d.Mark(t, abc, "10")
	d.Accept(t, order("another", abc, "1"))

	d = newDesk(t, func(l *risk.Limits) {
		l.AllowedSymbols = []string{"XYZ", "XYZW"}
		l.RestrictedSymbols = []string{"ABC"}
	})
	d.Mark(t, weekly, "2")
	d.Mark(t, abc, "10")
	d.Mark(t, oil, "60")
	d.Accept(t, order("weekly", weekly, "1"))
	d.Refuse(t, order("oil", oil, "1"), broken(risk.RuleSymbol, "CL", "0", "0"))
	d.Refuse(t, order("both", abc, "1"), broken(risk.RuleSymbol, "ABC", "0", "0"), broken(risk.RuleRestricted, "ABC", "0", "0"))
}

// TestShortSelling: whatever is not permitted short may be sold as far as it is held, working sales counted.
func TestShortSelling(t *testing.T) {
	cfd := ledger.Instrument{SecType: ledger.CFD, Symbol: "XYZ", Currency: "USD"}
	for name, i := range map[string]ledger.Instrument{"stock": xyz, "CFD": cfd} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(l *risk.Limits) { l.ShortSelling = false })
			d.Hold(t, i, "100", "100")
			d.Exit(t, order("some", i, "-60"))
			d.Refuse(t, order("over", i, "-40.01"), broken(risk.RuleShort, string(i.Key()), "0.01", "0"))
			d.Exit(t, order("rest", i, "-40"))
		})
	}
	d := newDesk(t, func(l *risk.Limits) { l.ShortSelling = false })
	d.Mark(t, oil, "60")
	d.Mark(t, euro, "1.1")
	d.Accept(t, order("a future is as easily sold as bought", oil, "-1"))
	d.Accept(t, order("a currency is exchanged", euro, "-1000"))
}

// TestCashOfShortPutsIsNotSpent: what a put is secured by may not be spent on anything else, working or new.
func TestCashOfShortPutsIsNotSpent(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
	put := ledger.NewOption("XYZ", january, ledger.Put, dec("50"), "USD")
	d.Mark(t, put, "2")
	d.Accept(t, order("put", put, "-10")) // 10 × 100 × 50 = 50,000 of 100,000
	d.Accept(t, order("buy", xyz, "400")) // 40,000 are working, 60,000 are left
	d.Refuse(t, order("more", xyz, "101"), broken(risk.RuleUncovered, "XYZ", "50000", "49900"))
	d.Accept(t, order("rest", xyz, "100"))
	d.Refuse(t, order("another", put, "-1"), broken(risk.RuleUncovered, "XYZ", "55000", "50000"))
}
