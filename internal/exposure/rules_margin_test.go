package exposure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// needs is what buying power a position or order takes, as the snapshot shows it.
func needs(t *testing.T, d *desk, amount, why string) {
	t.Helper()
	require.Equal(t, amount, d.Portfolio.Snapshot().Risk.Margin.String(), why)
}

// keeps requires that the maintenance margin of what the desk holds is the amount, or no less if not exact.
// The maintenance margin is what the intraday rule holds against equity: the desk withdraws all but the
// amount, and then deposits a cent.
func keeps(t *testing.T, d *desk, amount string, exact bool) {
	t.Helper()
	d.Tighten(t, func(l *risk.Limits) {
		l.DayTrading = []risk.DatedPolicy{{Policy: risk.IntradayMargin}}
	})
	equity, err := d.Portfolio.Equity()
	require.NoError(t, err)
	d.Mark(t, abc, "0.01")
	d.Cash(t, ledger.Withdrawal, "USD", dec(amount).Sub(equity).String())
	got := d.Portfolio.Check(order("", abc, "0.0001"))
	require.True(t, got.Broken(risk.RuleDayTrades), "equity that is the maintenance margin leaves nothing for an order: %s", got)
	if !exact {
		return
	}
	d.Cash(t, ledger.Deposit, "USD", "0.01")
	got = d.Portfolio.Check(order("", abc, "0.0001"))
	require.False(t, got.Broken(risk.RuleDayTrades), "a cent more than the maintenance margin leaves enough for it: %s", got)
}

// TestMarginRequirement checks what buying power and maintenance margin positions take, against
// figures worked out by hand from 12 CFR 220.12 and FINRA rule 4210. XYZ is at 100.
func TestMarginRequirement(t *testing.T) {
	call := func(strike string) ledger.Instrument {
		return ledger.NewOption("XYZ", 20270115, ledger.Call, dec(strike), "USD")
	}
	put := func(strike string) ledger.Instrument {
		return ledger.NewOption("XYZ", 20270115, ledger.Put, dec(strike), "USD")
	}
	unknown := ledger.NewOption("NOWHERE", 20270115, ledger.Put, dec("40"), "USD")
	fop := ledger.Instrument{SecType: ledger.FutureOption, Symbol: "CL", Currency: "USD", Expiry: 20261117, Right: ledger.Call, Strike: dec("65"), Multiplier: dec("1000")}
	fopPut, penny := fop, ledger.NewStock("PNY", "USD")
	fopPut.Right = ledger.Put
	cfd := ledger.Instrument{SecType: ledger.CFD, Symbol: "XYZ", Currency: "USD"}
	for name, c := range map[string]struct {
		instrument      ledger.Instrument
		quantity, price string
		initial, kept   string
	}{
		"long stock: 50 %, 25 %":                                           {xyz, "100", "100", "5000", "2500"},
		"short stock: 50 %, 30 %":                                          {xyz, "-100", "100", "5000", "3000"},
		"long option: all of 2 × 2.50 × 100":                               {call("110"), "2", "2.5", "500", "500"},
		"short call at the money: 4 + 20 % of 100":                         {call("100"), "-1", "4", "2400", "2400"},   // (4 + 20) × 100
		"short call 5 out: 2 + 20 − 5":                                     {call("105"), "-1", "2", "1700", "1700"},   // (2 + 15) × 100
		"short call 15 out: 0.50 + least 10 % of 100":                      {call("115"), "-3", "0.5", "3150", "3150"}, // (0.5 + 10) × 100 × 3; 20 − 15 = 5 is less
		"short call in the money: 12 + 20":                                 {call("90"), "-1", "12", "3200", "3200"},   // nothing is out
		"short put 4 out: 1 + 20 − 4":                                      {put("96"), "-1", "1", "1700", "1700"},     // (1 + 16) × 100
		"short put 20 out: 0.10 + least 10 % of 80":                        {put("80"), "-1", "0.1", "810", "810"},     // (0.1 + 8) × 100; 20 − 20 = 0 is less
		"short put in the money: 11 + 20":                                  {put("110"), "-2", "11", "6200", "6200"},   // (11 + 20) × 100 × 2
		"short put on what has no mark: the strike and 120 % of the price": {unknown, "-1", "1", "4120", "4120"},       // (40 + 1.2) × 100
		"future: 15 % of 2 × 60 × 1000":                                    {oil, "2", "60", "18000", "18000"},         //
		"short future: the same":                                           {oil, "-2", "60", "18000", "18000"},        //
		"long option on a future: its price":                               {fop, "1", "1.5", "1500", "1500"},          // 1.5 × 1000
		"short call on a future: 1.50 + 15 % of 66.50":                     {fop, "-1", "1.5", "11475", "11475"},       // (1.5 + 0.15 × 66.5) × 1000
		"short put on a future: 1.50 + 15 % of 65":                         {fopPut, "-1", "1.5", "11250", "11250"},    // (1.5 + 0.15 × 65) × 1000
		"short stock at 0.50: 2.50 a share":                                {penny, "-1000", "0.5", "2500", "2500"},
		"short stock at 4: all of it":                                      {penny, "-1000", "4", "4000", "4000"},
		"short stock at 4.99: all of it":                                   {penny, "-1000", "4.99", "4990", "4990"},
		"short stock at 5: 5 a share":                                      {penny, "-1000", "5", "5000", "5000"},
		"short stock at 8: 5 a share":                                      {penny, "-1000", "8", "5000", "5000"},
		"short stock at 12: half, and 5 a share":                           {penny, "-1000", "12", "6000", "5000"},
		"short stock at 16.70: half, and 30 %":                             {penny, "-1000", "16.7", "8350", "5010"},
		"long stock at 0.50: half, and a quarter":                          {penny, "1000", "0.5", "250", "125"},
		"CFD: 15 % of 100 × 100":                                           {cfd, "100", "100", "1500", "1500"}, //
		"fund: all of it":                                                  {ledger.Instrument{SecType: ledger.Fund, Symbol: "VF", Currency: "USD"}, "10", "100", "1000", "1000"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.Hold(t, c.instrument, c.quantity, c.price)
			needs(t, d, c.initial, "of what is held")
			working := newDesk(t, nil)
			working.Mark(t, c.instrument, c.price)
			working.Accept(t, order("works", c.instrument, c.quantity))
			needs(t, working, c.initial, "of an order that works, at once and in full")
			require.NoError(t, working.Portfolio.Release(t.Context(), "works", "cancelled"))
			needs(t, working, "0", "after the release")

			keeps(t, d, c.kept, true)
		})
	}
}

// TestIntradayMargin at its limit: 25 % of what is bought is all equity.
func TestIntradayMargin(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) {
		l.DayTrading = []risk.DatedPolicy{{Policy: risk.IntradayMargin}}
	})
	// 30 % of 3,000 × 100 short are 90,000, half are 150,000: the initial margin binds first, whatever is ordered.
	d.Refuse(t, order("short", xyz, "-3000"), broken(risk.RuleBuyingPower, "", "150000", "100000"))
	d.Refuse(t, order("shorter", xyz, "-3334"), // 333,400: half and 30 %
		broken(risk.RuleBuyingPower, "", "166700", "100000"), broken(risk.RuleDayTrades, "", "100020", "100000"))
	d.Refuse(t, order("long", xyz, "4001"), // 400,100: half and 25 %
		broken(risk.RuleBuyingPower, "", "200050", "100000"), broken(risk.RuleDayTrades, "", "100025", "100000"))
	d.Accept(t, order("half", xyz, "2000"))

	d = newDesk(t, func(l *risk.Limits) { // of futures both margins are the same: 20 % of 10 × 50 × 1,000
		l.FuturesMargin, l.DayTrading = dec("0.2"), []risk.DatedPolicy{{Policy: risk.IntradayMargin}}
	})
	d.Mark(t, oil, "50")
	d.Refuse(t, order("over", oil, "10", "50.01"),
		broken(risk.RuleBuyingPower, "", "100020", "100000"), broken(risk.RuleDayTrades, "", "100020", "100000"))
	d.Accept(t, order("at", oil, "10", "50"))
}

// TestNothingLentBelow2000: below 2,000 USD of equity everything is paid in full, in whatever
// currency the book is kept.
func TestNothingLentBelow2000(t *testing.T) {
	d := newDesk(t, nil)
	d.Cash(t, ledger.Withdrawal, "USD", "-98000")
	d.Accept(t, order("half", xyz, "40")) // 4,000 for 2,000
	require.NoError(t, d.Portfolio.Release(t.Context(), "half", "cancelled"))
	d.Cash(t, ledger.Withdrawal, "USD", "-0.01")
	d.Refuse(t, order("lent", xyz, "20"), broken(risk.RuleBuyingPower, "", "2000", "1999.99"))
	d.Accept(t, order("paid", xyz, "19.9999"))

	p := accounts.Optimal100K("DU1000100")
	p.BaseCurrency, p.Limits = "EUR", loose()
	e := newDeskFor(t, p, "1900")
	e.Mark(t, sap, "100")
	e.Refuse(t, order("unknown", sap, "20"), broken(risk.RuleBuyingPower, "", "2000", "1900"))
	e.Rate(t, "USD", "0.95") // 2,000 USD are 1,900 EUR
	e.Accept(t, order("known", sap, "38"))
	require.NoError(t, e.Portfolio.Release(t.Context(), "known", "cancelled"))
	e.Rate(t, "USD", "0.951")
	e.Refuse(t, order("weaker", sap, "20"), broken(risk.RuleBuyingPower, "", "2000", "1900"))
}

// TestNothingSoldShortBelow2000: with less than 2,000 USD of equity no security is sold short, however
// little it needs (FINRA rule 4210(b)(4)). Purchases that are paid in full, exits, and what is no security
// may be ordered.
func TestNothingSoldShortBelow2000(t *testing.T) {
	cheap := option("XYZ", january, ledger.Put, "5")
	fund := ledger.Instrument{SecType: ledger.Fund, Symbol: "VF", Currency: "USD"}
	cfd := ledger.Instrument{SecType: ledger.CFD, Symbol: "XYZ", Currency: "USD"}
	d := newDesk(t, nil)
	d.Hold(t, abc, "10", "10")
	d.Mark(t, cheap, "0.05")
	d.Mark(t, fund, "10")
	d.Mark(t, cfd, "100")
	d.Cash(t, ledger.Withdrawal, "USD", "-98000.01")
	for id, o := range map[ledger.OrderID]risk.Order{
		"stock": order("stock", xyz, "-1"), "option": order("option", cheap, "-1"), "fund": order("fund", fund, "-1"),
		"a part of which is short": order("part", abc, "-11"),
	} {
		o.ID = id
		got := d.Portfolio.Check(o)
		d.Refuse(t, o, broken(risk.RuleBuyingPower, "", "2000", "1999.99"))
		if o.Instrument.Key() != abc.Key() {
			require.Zero(t, got.Largest.Sign(), "no quantity of the %s would pass", id)
		} else {
			require.Equal(t, "-10", got.Largest.String(), "what is held would pass")
		}
	}
	d.Accept(t, order("bought", xyz, "1"))
	d.Accept(t, order("no security", cfd, "-1"))
	d.Exit(t, order("held", abc, "-10"))
	d.Cash(t, ledger.Deposit, "USD", "0.01")
	d.Accept(t, order("at 2,000", xyz, "-1"))
	d.Accept(t, order("written at 2,000", cheap, "-1"))

	p := accounts.Optimal100K("DU1000100")
	p.BaseCurrency, p.Limits = "EUR", loose()
	e := newDeskFor(t, p, "1900")
	put := ledger.NewOption("SAP", january, ledger.Put, dec("5"), "EUR")
	e.Mark(t, sap, "100")
	e.Mark(t, put, "0.05")
	e.Refuse(t, order("unknown", put, "-1"), broken(risk.RuleNoFX, "USD", "0", "0"))
	e.Rate(t, "USD", "0.951") // 2,000 USD are 1,902 EUR
	e.Refuse(t, order("below", put, "-1"), broken(risk.RuleBuyingPower, "", "1902", "1900"))
	e.Rate(t, "USD", "0.95")
	e.Accept(t, order("at", put, "-1"))
}

// TestCashSettles: what a sale brings buys from the next settlement day on.
func TestCashSettles(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	for name, c := range map[string]struct{ sold, early, late time.Time }{
		"over night": {time.Date(2026, 6, 2, 15, 0, 0, 0, newYork), time.Date(2026, 6, 2, 23, 59, 59, 0, newYork), time.Date(2026, 6, 3, 0, 0, 0, 0, newYork)},
		"late, when it is the next day in London": {time.Date(2026, 6, 2, 19, 30, 0, 0, newYork), time.Date(2026, 6, 2, 23, 59, 59, 0, newYork), time.Date(2026, 6, 3, 0, 0, 0, 0, newYork)},
		"over a weekend":                       {time.Date(2026, 6, 5, 15, 0, 0, 0, newYork), time.Date(2026, 6, 7, 23, 59, 59, 0, newYork), time.Date(2026, 6, 8, 0, 0, 0, 0, newYork)},
		"over Juneteenth and a weekend":        {time.Date(2026, 6, 18, 15, 0, 0, 0, newYork), time.Date(2026, 6, 21, 23, 59, 59, 0, newYork), time.Date(2026, 6, 22, 0, 0, 0, 0, newYork)},
		"over Independence Day, on a Saturday": {time.Date(2026, 7, 2, 15, 0, 0, 0, newYork), time.Date(2026, 7, 5, 23, 59, 59, 0, newYork), time.Date(2026, 7, 6, 0, 0, 0, 0, newYork)},
		"over Thanksgiving":                    {time.Date(2026, 11, 25, 15, 0, 0, 0, newYork), time.Date(2026, 11, 26, 23, 59, 59, 0, newYork), time.Date(2026, 11, 27, 0, 0, 0, 0, newYork)},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(l *risk.Limits) { l.Account = risk.CashAccount; l.MarkAge = 24 * time.Hour })
			d.Fill(t, "", xyz, "990", "100") // 1,000 are left
			d.Set(c.sold)
			d.Record(t, ledger.Trade{ExecID: "sale", Instrument: xyz, Quantity: dec("-50"), Price: dec("100"), Commission: dec("2"), Taxes: dec("1"), Time: d.Now()})
			d.Set(c.early)
			d.Mark(t, xyz, "100")
			d.Refuse(t, order("early", xyz, "10.01"), broken(risk.RuleBuyingPower, "", "1001", "1000"))
			d.Restart(t)
			d.Mark(t, xyz, "100")
			require.False(t, d.Portfolio.Check(order("", xyz, "10.01")).Allowed, "a restart forgets what has not settled")
			d.Set(c.late)
			d.Mark(t, xyz, "100")
			d.Accept(t, order("late", xyz, "59.97")) // 1,000 + 5,000 − 3
			d.Refuse(t, order("over", xyz, "0.01"), broken(risk.RuleBuyingPower, "", "5998", "5997"))
		})
	}
}

// TestUnsettledCommission: a sale that costs more than it brings settles nothing that could be spent.
func TestUnsettledCommission(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.Account = risk.CashAccount })
	d.Fill(t, "", xyz, "900", "100")
	d.Record(t, ledger.Trade{ExecID: "sale", Instrument: xyz, Quantity: dec("-0.01"), Price: dec("100"), Commission: dec("3"), Time: d.Now()})
	d.Refuse(t, order("over", xyz, "100"), broken(risk.RuleBuyingPower, "", "10000", "9998")) // 10,000 + 1 − 3
}

// TestCashAccount: nothing is sold short, short puts need their strike, and several purchases count together.
func TestCashAccount(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.Account = risk.CashAccount })
	d.Mark(t, latePut, "1")
	d.Refuse(t, order("short", xyz, "-1"), broken(risk.RuleShort, string(xyz.Key()), "1", "0"))
	d.Accept(t, order("put", latePut, "-10")) // 50,000 of 100,000
	d.Accept(t, order("stock", xyz, "500"))
	d.Refuse(t, order("over", xyz, "0.01"),
		broken(risk.RuleUncovered, "XYZ", "50000", "49999"), broken(risk.RuleBuyingPower, "", "100001", "100000"))
	require.NoError(t, d.Portfolio.Release(t.Context(), "stock", "cancelled"))
	d.Refuse(t, order("puts", latePut, "-11"),
		broken(risk.RuleUncovered, "XYZ", "105000", "100000"), broken(risk.RuleBuyingPower, "", "105000", "100000"))
}
