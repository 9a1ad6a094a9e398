package exposure_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// The publications that the examples are from.
const (
	cboeSamples = "Cboe, Margin Requirement Examples for Sample Options-based Positions (2007), strategy-based margin"
	cboeManual  = "Cboe Margin Manual, p. 45, as elitetrader.com 377470 recomputes it"
	edelta      = "edeltapro.com, knowledge base, Margin"
	secMargin   = "SEC, Margin: Borrowing Money to Pay for Stocks, as penzienlaw.com repeats it"
	finra1116   = "FINRA rule 4210(c)(2) and (3), Regulatory Notice 11-16; figures of siliconinvestor.com, 14932750 and 14932764"
	series7     = "12 CFR 220.12(c)(1); figures of passthe7.blogspot.com, Half again as much"
	hull        = "quesba.com, after Hull, Options, Futures, and Other Derivatives, "
	mcMillan    = "McMillan, Options as a Strategic Investment, "
	tasty       = "tastytrade support, margin requirements, "
	neif        = "neif.org, Options, margin of uncovered options, "
)

// Why the library asks for more than a publication.
const (
	eachByItself  = "each position needs what it needs by itself; cover, spreads and straddles lower nothing"
	everyIndex    = "20 % of every underlying: nothing tells that an index is broad-based, for which 15 % would do"
	indexByItself = everyIndex + "; and " + eachByItself
	ofNotional    = "FuturesMargin is a fraction of the notional, here rounded up"
)

// example is a worked example that a regulator, an exchange, a broker or a textbook published.
type example struct {
	source string
	// at is the price of the underlying PUB; empty where the publication has none.
	at      string
	futures string // FuturesMargin; empty for 0.15
	legs    []leg
	// initial and kept are the published initial and maintenance margin; empty for none.
	initial, kept string
	// proceeds is the premium received that the publication deducted from initial. The library deducts
	// nothing: its equity is less by what the option is worth.
	proceeds string
	// library is what the library asks for where that is more, and more says why.
	library, more string
}

// leg is a position, at the price that the publication has.
type leg struct {
	instrument      ledger.Instrument
	quantity, price string
}

// marginIsPublished requires the published margin, or what the example says that the library asks for.
func (e example) marginIsPublished(t *testing.T) {
	if e.initial != "" {
		e.initialIsPublished(t)
	}
	if e.kept != "" {
		keeps(t, e.held(t), e.kept, e.library == "")
	}
}

// initialIsPublished is marginIsPublished for the initial margin, of what is held and of orders that work.
func (e example) initialIsPublished(t *testing.T) {
	published := dec(e.initial)
	if e.proceeds != "" {
		published = published.Add(dec(e.proceeds))
	}
	want := published.String()
	if e.library != "" {
		want = e.library
		require.True(t, dec(want).GreaterThan(published), "the library must not ask for less than %s", published)
		require.NotEmpty(t, e.more, "why the library asks for more")
	}
	needs(t, e.held(t), want, "of what is held: "+e.source)
	if e.at == "" && slices.ContainsFunc(e.legs, func(l leg) bool { return l.instrument.Right == ledger.Call }) {
		return // no call is sold without a mark of its underlying
	}
	d := e.desk(t)
	for k, l := range e.legs {
		d.Mark(t, l.instrument, l.price)
		d.Accept(t, order(ledger.OrderID(rune('a'+k)), l.instrument, l.quantity))
	}
	needs(t, d, want, "of orders that work: "+e.source)
}

// desk is a desk that can afford the example, with the mark of the underlying.
func (e example) desk(t *testing.T) *desk {
	d := newDesk(t, func(l *risk.Limits) {
		if e.futures != "" {
			l.FuturesMargin = dec(e.futures)
		}
	})
	d.Cash(t, ledger.Deposit, "USD", "1000000000")
	if e.at != "" {
		d.Mark(t, ledger.NewStock("PUB", "USD"), e.at)
	}
	return d
}

// held is the desk that holds the example's positions.
func (e example) held(t *testing.T) *desk {
	d := e.desk(t)
	for _, l := range e.legs {
		d.Hold(t, l.instrument, l.quantity, l.price)
	}
	return d
}

// TestPublishedExamples holds the margin against worked examples of the rules: it is what was published,
// or more for the reason that the example gives.
func TestPublishedExamples(t *testing.T) {
	pub := func(quantity, price string) leg { return leg{ledger.NewStock("PUB", "USD"), quantity, price} }
	spdrs := leg{ledger.NewStock("SPY", "USD"), "100000", "145.30"}
	call := func(strike, quantity, price string) leg {
		return leg{option("PUB", january, ledger.Call, strike), quantity, price}
	}
	put := func(strike, quantity, price string) leg {
		return leg{option("PUB", january, ledger.Put, strike), quantity, price}
	}
	future := func(multiplier, price string) leg {
		return leg{ledger.Instrument{SecType: ledger.Future, Symbol: "FUT", Currency: "USD", Expiry: 20261120, Multiplier: dec(multiplier)}, "1", price}
	}
	futureCall := ledger.Instrument{SecType: ledger.FutureOption, Symbol: "FUT", Currency: "USD", Expiry: 20261120, Right: ledger.Call,
		Strike: dec("410"), Multiplier: dec("500")}
	for name, e := range map[string]example{
		// Stocks.
		"long stock at 16,000":             {source: secMargin, legs: []leg{pub("160", "100")}, initial: "8000"},
		"long stock that fell to 12,000":   {source: secMargin, legs: []leg{pub("160", "75")}, kept: "3000"},
		"short stock at 45":                {source: series7, legs: []leg{pub("-1000", "45")}, initial: "22500"},
		"short stock at 40":                {source: finra1116, legs: []leg{pub("-500", "40")}, initial: "10000"},
		"short stock at 2":                 {source: finra1116, legs: []leg{pub("-10000", "2")}, initial: "25000"},
		"short stock at 50, maintenance":   {source: finra1116, legs: []leg{pub("-1000", "50")}, kept: "15000"},
		"short stock at 5, maintenance":    {source: finra1116, legs: []leg{pub("-10000", "5")}, kept: "50000"},
		"short stock at 4.50, maintenance": {source: finra1116, legs: []leg{pub("-10000", "4.5")}, kept: "45000"},
		"short stock at 1, maintenance":    {source: finra1116, legs: []leg{pub("-50000", "1")}, kept: "125000"},

		// Short options by themselves.
		"IBM, short call":        {source: cboeSamples, at: "97.73", legs: []leg{call("100", "-100", "1.68")}, initial: "172760", proceeds: "16800"},
		"IBM, short put":         {source: cboeSamples, at: "97.73", legs: []leg{put("100", "-100", "3.18")}, initial: "195460", proceeds: "31800"},
		"put 9 out of the money": {source: edelta, at: "209", legs: []leg{put("200", "-1", "1.2")}, initial: "3400"},
		"naked calls 3 out":      {source: hull + "questions 458547, five naked calls", at: "57", legs: []leg{call("60", "-5", "3.5")}, initial: "5950"},
		"naked calls 3 in":       {source: "justaaa.com, finance 498364", at: "38", legs: []leg{call("35", "-4", "8")}, initial: "6240"},
		"naked puts 6 in (a)":    {source: hull + "questions 1041521, five naked puts", at: "58", legs: []leg{put("64", "-5", "10")}, initial: "10800"},
		"naked call 5 in":        {source: mcMillan + "table 5-2, July 50 call at 7", at: "55", legs: []leg{call("50", "-1", "7")}, initial: "1800"},
		"naked call at":          {source: mcMillan + "table 5-2, July 50 call at 4", at: "50", legs: []leg{call("50", "-1", "4")}, initial: "1400"},
		"naked call 4 out":       {source: mcMillan + "table 5-2, July 50 call at 2", at: "46", legs: []leg{call("50", "-1", "2")}, initial: "720"},
		"naked call 10 out": {source: mcMillan + "table 5-2, July 50 call at 1", at: "40", legs: []leg{call("50", "-1", "1")}, initial: "400",
			library: "500", more: "the price of the option is due beside the 10 %, which the table shows alone"},
		"naked call of a ratio spread": {source: mcMillan + "p. 212", at: "44", legs: []leg{call("45", "-1", "3")}, initial: "1080"},
		"naked LEAPS puts":             {source: mcMillan + "p. 398", at: "50", legs: []leg{put("50", "-5", "3.5")}, initial: "6750"},
		"naked call 3 out":             {source: tasty + "naked short call", at: "65", legs: []leg{call("68", "-1", "1.5")}, initial: "1150"},
		"calls on day 1, sold":         {source: neif + "0000538z", at: "38", legs: []leg{call("35", "-3", "4")}, initial: "3480"},
		"calls on day 1, marked":       {source: neif + "0000538z", at: "37", legs: []leg{call("35", "-3", "3.75")}, kept: "3345"},
		"calls on day 2, marked":       {source: neif + "0000545z", at: "37.5", legs: []leg{call("35", "-3", "3.6")}, kept: "3330"},
		"calls on day 3, marked":       {source: neif + "0000547z", at: "39", legs: []leg{call("35", "-3", "5")}, kept: "3840"},
		"put on day 3, marked":         {source: neif + "0000545z", at: "72", legs: []leg{put("70", "-1", "3")}, kept: "1540"},
		"put 1 out of the money": {source: "optionsfornewbies.blogspot.com, How to calculate margin requirements", at: "66",
			legs: []leg{put("65", "-1", "11.2")}, initial: "2340"},
		"call at its least": {source: "coursehero.com, 24922, quiz 4", at: "26", legs: []leg{call("30", "-1", "0.5")}, initial: "310"},

		// Options on a broad-based index; Cboe's index follows from its short put: 2,176,785 are 15 % of it.
		"SPX, short call": {source: cboeSamples, at: "1451.19", legs: []leg{call("1460", "-100", "21.66")}, initial: "2088685", proceeds: "216600",
			library: "3030880", more: everyIndex},
		"SPX, short put": {source: cboeSamples, at: "1451.19", legs: []leg{put("1460", "-100", "22.55")}, initial: "2176785", proceeds: "225500",
			library: "3127880", more: everyIndex},
		"index put": {source: mcMillan + "p. 505, December 170 put", at: "168", legs: []leg{put("170", "-1", "5")}, initial: "3020",
			library: "3860", more: everyIndex},
		"naked puts as on an index (b)": {source: hull + "questions 1041521, five naked puts", at: "58", legs: []leg{put("64", "-5", "10")}, initial: "9350",
			library: "10800", more: everyIndex},

		// Long options beside stock and short options.
		"IBM, protective put": {source: cboeSamples, at: "97.73", legs: []leg{pub("10000", "97.73"), put("95", "100", "1.02")}, initial: "498850"},
		"SPX, protective put": {source: cboeSamples, at: "1451.19", legs: []leg{spdrs, put("1450", "100", "18.72")}, initial: "7452200"},
		"IBM, synthetic long": {source: cboeSamples, at: "97.73", legs: []leg{call("100", "100", "1.68"), put("100", "-100", "3.18")},
			initial: "212260", proceeds: "31800"},
		"SPX, synthetic long": {source: cboeSamples, at: "1451.19", legs: []leg{call("1460", "100", "21.66"), put("1460", "-100", "22.55")},
			initial: "2393385", proceeds: "225500", library: "3344480", more: everyIndex},
		"IBM, risk reversal": {source: cboeSamples, at: "97.73", legs: []leg{put("95", "100", "1.02"), call("105", "-100", "0.4")},
			initial: "132960", proceeds: "4000"},
		"SPX, risk reversal": {source: cboeSamples, at: "1451.19", legs: []leg{put("1450", "100", "18.72"), call("1500", "-100", "5.96")},
			initial: "1875885", proceeds: "59600", library: "2661080", more: everyIndex},

		// Covered calls.
		"IBM, covered call": {source: cboeSamples, at: "97.73", legs: []leg{pub("10000", "97.73"), call("100", "-100", "1.68")},
			initial: "471850", proceeds: "16800", library: "678210", more: eachByItself},
		"SPX, covered call": {source: cboeSamples, at: "1451.19", legs: []leg{spdrs, call("1460", "-100", "21.66")},
			initial: "7048400", proceeds: "216600", library: "10295880", more: indexByItself},
		"IBM, collar": {source: cboeSamples, at: "97.73", legs: []leg{pub("10000", "97.73"), put("95", "100", "1.02"), call("105", "-100", "0.4")},
			initial: "494850", proceeds: "4000", library: "625610", more: eachByItself},
		"SPX, collar": {source: cboeSamples, at: "1451.19", legs: []leg{spdrs, put("1450", "100", "18.72"), call("1500", "-100", "5.96")},
			initial: "7392600", proceeds: "59600", library: "9926080", more: indexByItself},
		"covered LEAPS call in the money": {source: mcMillan + "p. 396", at: "50", legs: []leg{pub("100", "50"), call("30", "-1", "25")},
			initial: "1000", proceeds: "2500", library: "6000", more: eachByItself},

		// Straddles and spreads.
		"short straddle": {source: cboeManual, at: "92.63", legs: []leg{call("90", "-1", "7"), put("90", "-1", "3.7")},
			initial: "2922.6", library: "4512.2", more: eachByItself},
		"short strangle": {source: tasty + "short straddle or strangle", at: "45", legs: []leg{call("47", "-1", "2.1"), put("43", "-1", "1.2")},
			initial: "1030", kept: "1030", library: "1730", more: eachByItself},
		"IBM, long call spread": {source: cboeSamples, at: "97.73", legs: []leg{call("95", "100", "4.53"), call("105", "-100", "0.4")},
			initial: "41300", proceeds: "4000", library: "172060", more: eachByItself},
		"SPX, long call spread": {source: cboeSamples, at: "1451.19", legs: []leg{call("1450", "100", "27.57"), call("1500", "-100", "5.96")},
			initial: "216100", proceeds: "59600", library: "2749580", more: indexByItself},
		"short put spread": {source: edelta, legs: []leg{put("120", "1", "0.8"), put("125", "-1", "1.24")},
			initial: "580", library: "12728.8", more: eachByItself},
		"short iron condor": {source: tasty + "short iron condor",
			legs:    []leg{put("50", "2", "0.8"), put("53", "-2", "1.25"), call("67", "-2", "2"), call("70", "2", "0.75")},
			initial: "600", library: "25090", more: eachByItself},
		"long butterfly": {source: tasty + "long butterfly", legs: []leg{call("40", "4", "12.5"), call("50", "-8", "6"), call("60", "4", "1.5")},
			initial: "800", proceeds: "4800", library: "51360", more: eachByItself},
		"short butterfly": {source: tasty + "short butterfly", legs: []leg{put("75", "-3", "1.5"), put("80", "6", "4"), put("85", "-3", "6")},
			initial: "1500", library: "53100", more: eachByItself},
		"short put butterfly": {source: "OptionsHouse, margin requirements, short put butterfly",
			legs:    []leg{put("42", "-6", "0.9"), put("37", "12", "0.15"), put("32", "-6", "0.05")},
			initial: "3060", library: "45264", more: eachByItself},

		// Futures, by the margin that their exchange asks for as a fraction of the notional.
		"E-mini S&P 500 at 4,500": {source: "fool.com, Futures trading: how much money do you need", futures: "0.0563",
			legs: []leg{future("50", "4500")}, initial: "12650", kept: "11500", library: "12667.5", more: ofNotional},
		"E-mini S&P 500 at 3,939.43": {source: "transwikia.com, Am I understanding the math of this futures contract trade correctly",
			futures: "0.0671", legs: []leg{future("50", "3939.43")}, initial: "13200", kept: "12000", library: "13216.78765", more: ofNotional},
		"call covered by a future": {source: mcMillan + "p. 671, customer margin before SPAN", at: "408", futures: "0.0491",
			legs: []leg{future("500", "408"), {futureCall, "-1", "8"}}, initial: "13000", library: "24278.3", more: eachByItself},
	} {
		t.Run(name, e.marginIsPublished)
	}
}
