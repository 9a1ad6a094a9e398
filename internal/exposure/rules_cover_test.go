package exposure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestSpreadsNeedTheDifference: a long option covers a short one up to the difference of their
// strikes; that difference must be there in cash.
func TestSpreadsNeedTheDifference(t *testing.T) {
	for name, c := range map[string]struct {
		long, short ledger.Instrument
		owed        string // by 10 short options; empty for nothing
	}{
		"a worthless call above":      {option("XYZ", december, ledger.Call, "1000"), option("XYZ", december, ledger.Call, "100"), "900000"},
		"a call above":                {option("XYZ", december, ledger.Call, "105"), option("XYZ", december, ledger.Call, "100"), "5000"},
		"a call at the strike":        {option("XYZ", december, ledger.Call, "100"), option("XYZ", december, ledger.Call, "100.5"), ""},
		"a call below, later":         {option("XYZ", january, ledger.Call, "90"), option("XYZ", december, ledger.Call, "100"), ""},
		"a put below":                 {option("XYZ", december, ledger.Put, "95"), option("XYZ", december, ledger.Put, "100"), "5000"},
		"a worthless put far below":   {option("XYZ", december, ledger.Put, "1"), option("XYZ", december, ledger.Put, "100"), "99000"},
		"a put above":                 {option("XYZ", december, ledger.Put, "105"), option("XYZ", december, ledger.Put, "100"), ""},
		"a put below, another expiry": {option("XYZ", february, ledger.Put, "95"), option("XYZ", december, ledger.Put, "100"), "5000"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, account := range []risk.AccountType{risk.CashAccount, risk.MarginAccount} {
				d := newDesk(t, func(l *risk.Limits) {
					l.Account, l.UncoveredOptions = account, false
				})
				d.Hold(t, c.long, "10", "0.01")
				d.Mark(t, c.short, "5")
				d.Cash(t, ledger.OtherCash, "USD", dec("10").Sub(d.Portfolio.Cash()["USD"].Balance()).String())
				got := d.Portfolio.Check(order("", c.short, "-10"))
				if c.owed == "" {
					require.False(t, got.Broken(risk.RuleUncovered), "nothing is at risk: %s", got)
					continue
				}
				require.Contains(t, allSaid(got.Violations), broken(risk.RuleUncovered, "XYZ", c.owed, "10"), "the difference is not asked for")
				d.Cash(t, ledger.OtherCash, "USD", dec(c.owed).Sub(dec("10")).String())
				got = d.Portfolio.Check(order("", c.short, "-10"))
				require.False(t, got.Broken(risk.RuleUncovered), "the difference is there: %s", got)
			}
		})
	}
}

// TestOtherContractsDoNotCover: only options of the same root, multiplier and kind cover one
// another, and shares cover what they can be delivered for.
func TestOtherContractsDoNotCover(t *testing.T) {
	short := option("XYZ", december, ledger.Call, "100")
	named := func(i ledger.Instrument, underlying string) ledger.Instrument {
		i.Underlying = underlying
		return i
	}
	mini := option("XYZ", december, ledger.Call, "50")
	mini.Multiplier = dec("10")
	fop := func(expiry ledger.Date, strike string) ledger.Instrument {
		return ledger.Instrument{SecType: ledger.FutureOption, Symbol: "CL", Currency: "USD", Expiry: expiry, Right: ledger.Call, Strike: dec(strike), Multiplier: dec("1000")}
	}
	for name, c := range map[string]struct {
		held     ledger.Instrument
		quantity string
		short    ledger.Instrument
		lacks    string // empty where it covers
	}{
		"a warrant":                     {ledger.Instrument{SecType: ledger.Warrant, Symbol: "XYZ WS", Underlying: "XYZ", Currency: "USD", Expiry: 20280101, Right: ledger.Call, Strike: dec("5")}, "1000", short, "100"},
		"another multiplier":            {mini, "10", short, "100"},
		"a weekly root":                 {named(option("XYZW", december, ledger.Call, "50"), "XYZ"), "1", short, "100"},
		"the same weekly root":          {named(option("XYZW", december, ledger.Call, "50"), "XYZ"), "1", named(option("XYZW", december, ledger.Call, "60"), "XYZ"), ""},
		"an adjusted root":              {named(option("XYZ1", december, ledger.Call, "50"), "XYZ"), "1", short, "100"},
		"shares, of an adjusted option": {xyz, "100", named(option("XYZ1", december, ledger.Call, "50"), "XYZ"), "100"},
		"shares that the caller names":  {xyz, "100", named(option("GME", december, ledger.Call, "20"), "XYZ"), "100"},
		"the option's own shares, whatever the caller names": {xyz, "100", named(option("XYZ", december, ledger.Call, "60"), "XYZ US Equity"), ""},
		"a class of shares":                      {ledger.NewStock("BRK B", "USD"), "100", named(option("BRKB", december, ledger.Call, "500"), "BRK B"), ""},
		"a CFD":                                  {ledger.Instrument{SecType: ledger.CFD, Symbol: "XYZ", Currency: "USD"}, "100", short, "100"},
		"shares in another currency":             {ledger.NewStock("XYZ", "EUR"), "100", short, "100"},
		"a future, of an option on it":           {oil, "1", fop(20261117, "65"), "1000"},
		"an option on a future, of the same day": {fop(20261117, "60"), "1", fop(20261117, "65"), ""},
		"an option on another future":            {fop(20261217, "60"), "1", fop(20261117, "65"), "1000"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
			d.Rate(t, "EUR", "1.1")
			d.Hold(t, c.held, c.quantity, "0.01")
			d.Mark(t, c.short, "5")
			got := d.Portfolio.Check(order("", c.short, "-1"))
			if c.lacks == "" {
				require.False(t, got.Broken(risk.RuleUncovered), "it is covered: %s", got)
				return
			}
			require.True(t, got.Broken(risk.RuleUncovered), "it is not covered: %s", got)
			require.Equal(t, c.lacks, got.Violations[0].Actual.String(), "the shares that lack")
		})
	}
}

// putAndShort is a desk with the cash and 100 shares of ABC sold short, both settled, and a short put
// at 100 on XYZ that the cash secures.
func putAndShort(t *testing.T, cash, abcAt string) (d *desk, put ledger.Instrument) {
	t.Helper()
	d = newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
	put = option("XYZ", december, ledger.Put, "100")
	d.Set(now.AddDate(0, 0, -4)) // so that it has settled
	d.Fill(t, "", abc, "-100", "50")
	d.Fill(t, "", put, "-1", "5")
	d.Set(now)
	d.Cash(t, ledger.OtherCash, "USD", dec(cash).Sub(d.Portfolio.Cash()["USD"].Balance()).String())
	d.Mark(t, xyz, "100")
	d.Mark(t, put, "5")
	d.Mark(t, abc, abcAt)
	return d, put
}

// TestBuyingBackSparesTheCash: a purchase that only reduces a short position must not spend the
// cash that a short put needs.
func TestBuyingBackSparesTheCash(t *testing.T) {
	d, put := putAndShort(t, "19999", "100")
	d.Refuse(t, order("back", abc, "100"), broken(risk.RuleUncovered, "ABC", "10000", "9999"))
	d.Exit(t, order("part", abc, "99"))
	d.Refuse(t, order("rest", abc, "1"), broken(risk.RuleUncovered, "ABC", "10000", "9999"))
	d.Exit(t, order("put", put, "1")) // takes 500, and frees 10,000
	d.Fill(t, "put", put, "1", "5")
	d.Exit(t, order("free", abc, "1"))
}

// TestBuyingBackUnmarked: nothing tells what a purchase at the market takes without a mark, so it
// waits for one. Where no cash is needed, it does not.
func TestBuyingBackUnmarked(t *testing.T) {
	d, put := putAndShort(t, "20000", "100")
	d.Restart(t)
	d.Mark(t, xyz, "100")
	d.Mark(t, put, "5")
	got := d.Portfolio.Check(order("back", abc, "100"))
	require.True(t, got.Undecided(), "it can be decided with a mark: %s", got)
	require.True(t, got.Broken(risk.RuleNoMark), "it needs a mark: %s", got)
	d.Exit(t, order("priced", abc, "100", "100")) // its own price tells
	require.NoError(t, d.Portfolio.Release(t.Context(), "priced", "cancelled"))
	d.Exit(t, order("put", put, "1"))
	d.Fill(t, "put", put, "1", "5")
	d.Exit(t, order("unmarked", abc, "100"))
}

// TestBuyingBackSeveralPuts: an account with just enough cash for the strikes can still buy the puts
// back, all of them at once, for each purchase frees more than the purchase takes.
func TestBuyingBackSeveralPuts(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.Account = risk.CashAccount })
	one, two := option("XYZ", december, ledger.Put, "100"), option("ABC", december, ledger.Put, "100")
	d.Set(now.AddDate(0, 0, -4))
	d.Fill(t, "", one, "-5", "5")
	d.Fill(t, "", two, "-5", "5")
	d.Set(now)
	d.Cash(t, ledger.OtherCash, "USD", dec("100000").Sub(d.Portfolio.Cash()["USD"].Balance()).String())
	d.Mark(t, one, "60")
	d.Mark(t, two, "60")
	d.Exit(t, order("one", one, "5"))
	d.Exit(t, order("two", two, "5"))
	d.Refuse(t, order("another", xyz, "1"), broken(risk.RuleUncovered, "XYZ", "100000", "39900"),
		broken(risk.RuleBuyingPower, "", "160100", "100000"))
}

// TestShortSharesUnderAPut: short shares that cover a put are bought back only where cash takes
// their place, after it has paid for them.
func TestShortSharesUnderAPut(t *testing.T) {
	put := option("XYZ", december, ledger.Put, "100")
	for cash, refused := range map[string]bool{"19999.99": true, "20000": false} {
		d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
		d.Set(now.AddDate(0, 0, -4))
		d.Fill(t, "", xyz, "-100", "100")
		d.Fill(t, "", put, "-1", "5")
		d.Set(now)
		d.Cash(t, ledger.OtherCash, "USD", dec(cash).Sub(d.Portfolio.Cash()["USD"].Balance()).String())
		d.Mark(t, xyz, "100")
		d.Mark(t, put, "5")
		if refused {
			d.Refuse(t, order("back", xyz, "100"), broken(risk.RuleUncovered, "XYZ", "10000", "9999.99"))
			continue
		}
		d.Exit(t, order("back", xyz, "100"))
	}
}

// TestBothNamesOfAnOption: the caller chooses an option's underlying, so its own root counts as
// well: neither may be restricted, and both must be allowed.
func TestBothNamesOfAnOption(t *testing.T) {
	named := func(root, underlying string) ledger.Instrument {
		i := option(root, december, ledger.Call, "20")
		i.Underlying = underlying
		return i
	}
	for name, c := range map[string]struct {
		i                   ledger.Instrument
		restricted, allowed bool // where GME is the restricted, or GME and GMEW the allowed symbols
	}{
		"plain":                          {named("GME", "GME"), true, true},
		"no underlying":                  {named("GME", ""), true, true},
		"another underlying":             {named("GME", "GME US Equity"), true, false},
		"the underlying of another root": {named("ABC", "GME"), true, false},
		"weekly root":                    {named("GMEW", "GME"), true, true},
		"adjusted root":                  {named("GME1", "GME"), true, false},
		"adjusted root, no underlying":   {named("GME1", ""), true, false},
		"warrant":                        {ledger.Instrument{SecType: ledger.Warrant, Symbol: "GME WS", Underlying: "GME", Currency: "USD", Expiry: 20280101, Right: ledger.Call, Strike: dec("5")}, true, false},
		"another":                        {named("ABC", "ABC"), false, false},
		"a longer name":                  {named("GMEX", "GMEX"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			bars := func(rule risk.Rule, tighten func(l *risk.Limits)) bool {
				d := newDesk(t, tighten)
				d.Mark(t, c.i, "2")
				return d.Portfolio.Check(order("", c.i, "1")).Broken(rule)
			}
			require.Equal(t, c.restricted, bars(risk.RuleRestricted, func(l *risk.Limits) { l.RestrictedSymbols = []string{"ABC X", "GME"} }), "restricted")
			require.Equal(t, c.allowed, !bars(risk.RuleSymbol, func(l *risk.Limits) { l.AllowedSymbols = []string{"GME", "GMEW"} }), "allowed")
		})
	}
	fop := ledger.Instrument{SecType: ledger.FutureOption, Symbol: "CL", Underlying: "CLZ6", Currency: "USD", Expiry: 20261117, Right: ledger.Call, Strike: dec("65"), Multiplier: dec("1000")}
	d := newDesk(t, func(l *risk.Limits) { l.AllowedSymbols = []string{"CL"} })
	d.Mark(t, fop, "1")
	d.Accept(t, order("what it is on", fop, "1"))
}

// TestNamesDoNotHide: a contract is told by its terms. An order that leaves its underlying out does
// not escape what holds for the underlying that the position names.
func TestNamesDoNotHide(t *testing.T) {
	weekly, short := option("XYZW", january, ledger.Call, "50"), option("XYZW", january, ledger.Call, "60")
	nameless := weekly
	weekly.Underlying, short.Underlying, nameless.Underlying = "XYZ", "XYZ", ""
	d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
	d.Mark(t, short, "2")
	d.Hold(t, weekly, "1", "2")
	d.Accept(t, order("short", short, "-1"))
	d.Refuse(t, order("cover", nameless, "-1"), broken(risk.RuleUncovered, "XYZ", "100", "0"))
	d.Tighten(t, func(l *risk.Limits) { l.RestrictedSymbols = []string{"XYZ"} })
	d.Refuse(t, order("more", nameless, "1"), broken(risk.RuleRestricted, "XYZ", "0", "0"))
	d.Tighten(t, func(l *risk.Limits) {
		l.RestrictedSymbols = nil
		l.UnderlyingSize = risk.Limit{Amount: dec("6200")}
	})
	d.Refuse(t, order("size", nameless, "1"), broken(risk.RuleUnderlying, "XYZ", "6400", "6200"))
}
