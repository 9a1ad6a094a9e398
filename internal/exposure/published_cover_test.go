package exposure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// coverExample is a worked example of what a short option needs besides its cover.
type coverExample struct {
	source string
	held   []leg
	order  leg
	// owed is the published amount that must be there; empty for none.
	owed string
	// library is the amount that the library asks for where that is more, lacks is the number of shares
	// that the library misses, and more says why.
	library, lacks, more string
}

// coverIsPublished requires that the order is refused for want of cover below the published amount, or below
// what the example says that the library asks for, and only there.
func (e coverExample) coverIsPublished(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
	d.Set(now.AddDate(0, 0, -4)) // so that it has settled
	for _, l := range e.held {
		d.Fill(t, "", l.instrument, l.quantity, l.price)
	}
	d.Set(now)
	for _, l := range append(e.held, e.order) {
		d.Mark(t, l.instrument, l.price)
	}
	check := func() risk.Decision { return d.Portfolio.Check(order("", e.order.instrument, e.order.quantity)) }
	want := e.owed
	if e.library != "" || e.lacks != "" {
		want = e.library
		require.NotEmpty(t, e.more, "why the library asks for more")
		require.True(t, e.lacks != "" || e.owed == "" || dec(want).GreaterThan(dec(e.owed)), "the library must not ask for less")
	}
	if e.lacks != "" {
		require.Contains(t, allSaid(check().Violations), broken(risk.RuleUncovered, "PUB", e.lacks, "0"), e.source)
		return
	}
	if want != "" {
		short := dec(want).Sub(dec("0.01"))
		d.Cash(t, ledger.OtherCash, "USD", short.Sub(d.Portfolio.Cash()["USD"].Balance()).String())
		require.Contains(t, allSaid(check().Violations), broken(risk.RuleUncovered, "PUB", want, short.String()), e.source)
		d.Cash(t, ledger.OtherCash, "USD", "0.01")
	}
	require.False(t, check().Broken(risk.RuleUncovered), "%s: the rest is covered: %s", e.source, check())
}

// TestPublishedCover holds cover against worked examples of the rules. A short option needs the difference of
// the strikes beside a long option that leaves one, nothing beside shares, and a put without cover its strike.
func TestPublishedCover(t *testing.T) {
	pub := func(quantity, price string) leg { return leg{ledger.NewStock("PUB", "USD"), quantity, price} }
	call := func(strike, quantity, price string) leg {
		return leg{option("PUB", january, ledger.Call, strike), quantity, price}
	}
	put := func(strike, quantity, price string) leg {
		return leg{option("PUB", january, ledger.Put, strike), quantity, price}
	}
	for name, e := range map[string]coverExample{
		"cash-secured put": {source: "alpaca.markets, Options orders", order: put("175", "-1", "1"), owed: "17500"},
		"short put spread": {source: edelta, held: []leg{put("120", "1", "0.8")}, order: put("125", "-1", "1.24"), owed: "500"},
		"short butterfly": {source: tasty + "short butterfly", held: []leg{put("80", "6", "4"), put("75", "-3", "1.5")},
			order: put("85", "-3", "6"), owed: "1500"},
		"short put butterfly": {source: "OptionsHouse, margin requirements, short put butterfly",
			held: []leg{put("37", "12", "0.15"), put("32", "-6", "0.05")}, order: put("42", "-6", "0.9"), owed: "3000"},
		"short iron condor": {source: tasty + "short iron condor",
			held:  []leg{put("50", "2", "0.8"), put("53", "-2", "1.25"), call("70", "2", "0.75")},
			order: call("67", "-2", "2"), owed: "600",
			library: "1200", more: "calls and puts each need their difference, though one of them alone can lose it"},
		"long butterfly": {source: tasty + "long butterfly", held: []leg{call("40", "4", "12.5"), call("60", "4", "1.5")},
			order: call("50", "-8", "6"), library: "4000", more: "a butterfly counts as its two spreads, of which one leaves a difference"},
		"IBM, long call spread": {source: cboeSamples, held: []leg{call("95", "100", "4.53")}, order: call("105", "-100", "0.4")},
		"IBM, covered call":     {source: cboeSamples, held: []leg{pub("10000", "97.73")}, order: call("100", "-100", "1.68")},
		"IBM, collar": {source: cboeSamples, held: []leg{pub("10000", "97.73"), put("95", "100", "1.02")},
			order: call("105", "-100", "0.4")},
		"covered LEAPS call in the money": {source: mcMillan + "p. 396", held: []leg{pub("100", "50")}, order: call("30", "-1", "25")},
		"SPX, covered by SPDRs": {source: cboeSamples, held: []leg{{ledger.NewStock("SPY", "USD"), "100000", "145.30"}},
			order: call("1460", "-100", "21.66"), lacks: "10000", more: "shares of a fund are not what an option on its index is about"},
	} {
		t.Run(name, e.coverIsPublished)
	}
}
