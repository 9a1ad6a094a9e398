package performance_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/store/memstore"
)

// Every figure of every report is what a program of its own makes of the same facts, whatever their
// order of arrival, corrections and cancellations. A field of the report that the program does not
// know fails the test.
func TestPropertyFiguresAreRecomputed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLife(rt, t)
		for range l.n(0, 4) {
			l.opening()
		}
		l.equity()
		for range l.n(0, 40) {
			l.trade()
		}
		for range l.n(0, 3) {
			l.assignment()
			l.split()
			l.exchange()
			l.charge()
			l.leave()
		}
		l.record()
		l.change()
		for range 5 {
			l.compare(l.window())
		}
	})
}

// life makes a history up, for the library and for the program.
type life struct {
	*rapid.T
	told      told
	portfolio *accounts.Portfolio
	first     []ledger.Fact // openings
	facts     []ledger.Fact
	splits    []ledger.Split
	changes   []ledger.Fact
	leaving   []leaving
	begin     time.Time
	hours     int
	used      map[time.Time]bool
	count     int
}

func (l *life) n(from, to int) int { return rapid.IntRange(from, to).Draw(l.T, "n") }

// oneIn is true once in so many times.
func (l *life) oneIn(n int) bool { return l.n(1, n) == n }

// number returns a number with so many places, for the library and for the program.
func (l *life) number(from, to, places int) (ledger.Decimal, rat) {
	scale := int(math.Pow10(places))
	d, err := ledger.ParseDecimal(big.NewRat(int64(l.n(from*scale, to*scale)), int64(scale)).FloatString(places))
	require.NoError(l, err)
	return d, ratOf(d)
}

func ratOf(d ledger.Decimal) rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic(d.String())
	}
	return r
}

// moment returns a time within the history at which nothing else happens.
func (l *life) moment() time.Time {
	for {
		at := l.begin.Add(time.Duration(l.n(0, l.hours))*time.Hour + time.Duration(rapid.Int64Range(0, 3_599_999_999).Draw(l.T, "n"))*time.Microsecond)
		if !l.used[at] {
			l.used[at] = true
			return at
		}
	}
}

func newLife(rt *rapid.T, t *testing.T) *life {
	l := &life{T: rt, used: map[time.Time]bool{}}
	zone := []string{"America/New_York", "America/New_York", "America/Chicago", "Europe/Berlin", "Asia/Tokyo", "Pacific/Auckland"}[l.n(0, 5)]
	m, err := accounts.New(memstore.New(), accounts.WithClock(func() time.Time { return desktest.Now }))
	require.NoError(rt, err)
	rt.Cleanup(func() { require.NoError(rt, m.Close()) })
	profile := accounts.Optimal100K("DU1000100")
	limits := profile.EffectiveLimits()
	limits.TimeZone = zone
	profile.Limits = &limits
	profile, err = m.CreateProfile(t.Context(), profile)
	require.NoError(rt, err)
	l.portfolio, err = m.Portfolio(t.Context(), profile.ID)
	require.NoError(rt, err)
	l.told.zone, err = time.LoadLocation(zone)
	require.NoError(rt, err)
	l.told.newYork = zone == "America/New_York" || zone == "America/Chicago"
	l.begin = time.Date(l.n(2019, 2023), time.Month(l.n(1, 12)), l.n(1, 28), l.n(0, 23), l.n(0, 59), 0, 0, time.UTC)
	return l
}

// equity makes the equity points up: their rhythm, growth, and money that comes and goes.
func (l *life) equity() {
	at, equity, capital := l.begin, l.n(100_000, 100_000_000), 0
	capital = equity
	rhythm, swing, knows := l.n(0, 6), []int{0, 1, 10, 100, 400}[l.n(0, 4)], !l.oneIn(4)
	odd := l.oneIn(6)
	for range []int{0, 1, 2, 3, 12, 30, 60}[l.n(0, 6)] {
		cents := func(n int) ledger.Decimal { return dec(big.NewRat(int64(n), 100).FloatString(2)) }
		p := ledger.EquityPoint{Time: at, Equity: cents(equity), Cash: cents(equity), Capital: cents(capital)}
		q := toldPoint{at: at, equity: ratOf(p.Equity), capital: ratOf(p.Capital)}
		if knows || l.oneIn(2) {
			p.Notional = &ledger.Notional{}
			if !l.oneIn(4) {
				p.Notional.Long, _ = l.number(0, 1_000_000, 2)
				p.Notional.Short, _ = l.number(0, 1_000_000, 2)
			}
			q.long, q.short = ratOf(p.Notional.Long), ratOf(p.Notional.Short)
		}
		l.facts, l.told.points, l.used[at] = append(l.facts, p), append(l.told.points, q), true
		switch rhythm {
		case 0, 1:
			for at = at.AddDate(0, 0, 1); rhythm == 1 && l.told.trading(at).Before(at); at = at.AddDate(0, 0, 1) {
			}
		case 2:
			at = at.Add(time.Duration(l.n(1, 30)) * time.Hour)
		case 3:
			at = at.AddDate(0, 0, 7)
		case 4:
			at = at.AddDate(0, l.n(1, 2), 0)
		case 5:
			at = at.Add(time.Duration(l.n(1, 100*3600)) * time.Second)
		case 6:
			at = at.AddDate(0, 0, l.n(60, 200))
		}
		if at.After(desktest.Now.AddDate(0, 0, -2)) {
			break
		}
		equity += equity / 1000 * l.n(-swing, swing) / 2
		if l.oneIn(8) {
			flow := equity / 100 * l.n(-100, 150)
			equity, capital = equity+flow, capital+flow
		}
		if odd && l.oneIn(20) {
			equity = []int{0, -500, 1, 1_000_000_000}[l.n(0, 3)]
		}
	}
	l.hours = min(max(int(at.Sub(l.begin).Hours())-2, 1000), int(desktest.Now.Sub(l.begin).Hours())-2)
}

// rate returns a conversion rate for a currency: none for the base currency, and now and then none for
// another.
func (l *life) rate(currency ledger.Currency) (ledger.Decimal, rat) {
	if currency == "USD" || l.oneIn(25) {
		return ledger.Decimal{}, nil
	}
	return l.number(1, 2, 4)
}

// contracts are what is traded, by name.
var contracts = map[string]ledger.Instrument{
	"XYZ": ledger.NewStock("XYZ", "USD"), "SAP": ledger.NewStock("SAP", "EUR"), "HSBA": ledger.NewStock("HSBA", "GBP"),
	"CL":  {SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20271120, Multiplier: dec("1000")},
	"DAX": {SecType: ledger.Future, Symbol: "DAX", Currency: "EUR", Expiry: 20271120, Multiplier: dec("5")},
	"C50": desktest.LateCall, "P50": ledger.NewOption("SAP", 20270115, ledger.Put, dec("50"), "EUR"),
	"NEW": ledger.NewStock("NEW", "EUR"),
}

var tradable = []string{"XYZ", "SAP", "HSBA", "CL", "DAX", "C50", "P50"}

// add takes a trade in, as it is and as the program is told of it.
func (l *life) add(name string, t ledger.Trade) *toldTrade {
	l.count++
	if t.ExecID == "" {
		t.ExecID = ledger.ExecID(fmt.Sprintf("0000%04x.5159662d.01.01", l.count))
	}
	l.facts = append(l.facts, t)
	i := t.Instrument
	multiplier := frac(1)
	if !i.Multiplier.IsZero() {
		multiplier = ratOf(i.Multiplier)
	}
	q := &toldTrade{contract: name, currency: string(i.Currency), costsIn: string(t.CommissionCurrency), future: i.SecType == ledger.Future,
		option: i.IsOption(), pair: i.SecType == ledger.Forex, quantity: ratOf(t.Quantity), price: ratOf(t.Price), multiplier: multiplier,
		commission: ratOf(t.Commission), taxes: ratOf(t.Taxes), at: t.Time}
	if !t.FXRate.IsZero() {
		q.rate = ratOf(t.FXRate)
	}
	l.told.trades = append(l.told.trades, q)
	return q
}

// trade makes a trade up, and now and then its correction or cancellation.
func (l *life) trade() {
	name := tradable[l.n(0, len(tradable)-1)]
	t := ledger.Trade{Instrument: contracts[name], Time: l.moment()}
	t.Quantity, _ = l.number(1, 9, 0)
	if l.oneIn(2) {
		t.Quantity = t.Quantity.Neg()
	}
	t.Price, _ = l.number(1, 150, 2)
	t.Commission, _ = l.number(-1, 5, 2)
	if l.oneIn(3) {
		t.Taxes, _ = l.number(0, 3, 2)
	}
	if l.oneIn(10) {
		t.Price, t.Commission, t.Taxes = ledger.Decimal{}, ledger.Decimal{}, ledger.Decimal{}
	}
	t.FXRate, _ = l.rate(t.Instrument.Currency)
	q := l.add(name, t)
	switch {
	case l.oneIn(12):
		id := l.facts[len(l.facts)-1].(ledger.Trade).ExecID
		l.changes = append(l.changes, ledger.Cancellation{ExecID: "x" + id, Cancels: id, Time: desktest.Now.Add(-time.Hour)})
		q.cancelled = true
	case l.oneIn(12):
		fixed := l.facts[len(l.facts)-1].(ledger.Trade)
		fixed.ExecID = fixed.ExecID[:len(fixed.ExecID)-1] + "2"
		fixed.Price, q.price = l.number(1, 150, 2)
		fixed.Quantity, q.quantity = l.number(1, 9, 0)
		l.changes = append(l.changes, fixed)
	}
}

// opening makes an opening balance up, of one lot.
func (l *life) opening() {
	name := []string{"XYZ", "SAP", "CL", "DAX"}[l.count%4]
	l.count++
	i := contracts[name]
	at := l.begin.Add(-time.Duration(100+l.count) * time.Hour)
	o := ledger.Opening{ID: fmt.Sprint("o", l.count), Instrument: i, Time: at}
	quantity, q := l.number(1, 20, 0)
	basis, b := l.number(10, 2000, 2)
	if l.oneIn(2) {
		quantity, q, basis, b = quantity.Neg(), negative(q), basis.Neg(), negative(b)
	}
	o.Lots = []ledger.Lot{{Quantity: quantity, Basis: basis, OpenedAt: at}}
	var rate rat
	o.FXRate, rate = l.rate(i.Currency)
	if l.oneIn(3) {
		l.first = append(l.first, ledger.Transfer{ID: o.ID, Instrument: i, Quantity: quantity, Lots: o.Lots, FXRate: o.FXRate, Time: at})
	} else {
		l.first = append(l.first, o)
	}
	l.told.trades = append(l.told.trades, &toldTrade{contract: name, currency: string(i.Currency), future: i.SecType == ledger.Future,
		quantity: q, basis: b, rate: rate, at: at, price: frac(0), multiplier: frac(1), commission: frac(0), taxes: frac(0)})
}

// leave makes up a transfer of what may be held.
func (l *life) leave() {
	name := tradable[l.n(0, len(tradable)-1)]
	i := contracts[name]
	t := ledger.Transfer{ID: fmt.Sprint("x", len(l.leaving)), Instrument: i, Time: l.moment()}
	quantity, q := l.number(1, 12, 0)
	if l.oneIn(2) {
		quantity, q = quantity.Neg(), negative(q)
	}
	t.Quantity = quantity
	var price, rate rat
	t.Price, price = l.number(1, 150, 2)
	t.FXRate, rate = l.rate(i.Currency)
	multiplier := frac(1)
	if !i.Multiplier.IsZero() {
		multiplier = ratOf(i.Multiplier)
	}
	l.leaving = append(l.leaving, leaving{t, &toldTrade{contract: name, currency: string(i.Currency), future: i.SecType == ledger.Future,
		option: i.IsOption(), quantity: q, price: price, multiplier: multiplier, rate: rate, at: t.Time, goes: true}})
}

// leaving is a transfer, as it is and as the program is told of it.
type leaving struct {
	fact ledger.Transfer
	told *toldTrade
}

// assignment sells puts, has them assigned, and sells a part of the shares.
func (l *life) assignment() {
	l.count++
	currency := []ledger.Currency{"USD", "EUR"}[l.n(0, 1)]
	name := fmt.Sprint("AS", l.count)
	stock, put := ledger.NewStock(name, currency), ledger.NewOption(name, 20270115, ledger.Put, dec("20"), currency)
	times := []time.Time{l.moment(), l.moment(), l.moment()}
	for i := range times {
		for j := range times[:i] {
			if times[i].Before(times[j]) {
				times[i], times[j] = times[j], times[i]
			}
		}
	}
	puts := l.n(1, 3)
	make := func(i ledger.Instrument, kind ledger.TradeKind, quantity, price string, at time.Time) ledger.Trade {
		t := ledger.Trade{Instrument: i, Kind: kind, Quantity: dec(quantity), Price: dec(price), Time: at}
		t.Commission, _ = l.number(0, 2, 2)
		t.FXRate, _ = l.rate(currency)
		return t
	}
	premium, _ := l.number(1, 3, 2)
	price, _ := l.number(10, 30, 2)
	l.add(name+" put", make(put, ledger.Execution, fmt.Sprint(-puts), premium.String(), times[0]))
	l.add(name+" put", make(put, ledger.Assignment, fmt.Sprint(puts), "0", times[1])).into = name
	l.add(name, make(stock, ledger.Assignment, fmt.Sprint(100*puts), "20", times[1]))
	l.add(name, make(stock, ledger.Execution, fmt.Sprint(-l.n(1, 100*puts)), price.String(), times[2]))
}

// split splits shares.
func (l *life) split() {
	l.count++
	s := ledger.Split{ID: fmt.Sprint("s", l.count), Numerator: dec("2"), Denominator: dec("1"), Time: l.moment()}
	name := []string{"XYZ", "SAP"}[l.n(0, 1)]
	s.From, s.To = contracts[name], contracts[name]
	l.splits = append(l.splits, s)
}

// exchange trades currencies.
func (l *life) exchange() {
	i := ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: []ledger.Currency{"USD", "GBP"}[l.n(0, 1)]}
	t := ledger.Trade{Instrument: i, Quantity: dec("1000"), Price: dec("1.1"), Time: l.moment()}
	t.Commission, _ = l.number(0, 5, 2)
	t.Taxes, _ = l.number(0, 2, 2)
	t.CommissionCurrency = []ledger.Currency{"", "", "USD", "USD", "EUR"}[l.n(0, 4)]
	t.FXRate, _ = l.rate(i.Currency)
	l.add("pair", t)
}

// charge charges a fee, or pays a dividend, which is none.
func (l *life) charge() {
	l.count++
	m := ledger.CashMovement{ID: fmt.Sprint("c", l.count), Kind: ledger.Fee, Currency: []ledger.Currency{"USD", "EUR"}[l.n(0, 1)], Time: l.moment()}
	m.Amount, _ = l.number(-50, -1, 2)
	var rate rat
	m.FXRate, rate = l.rate(m.Currency)
	if l.oneIn(3) {
		m.Kind, m.Amount = ledger.Dividend, m.Amount.Neg()
	} else {
		l.told.charges = append(l.told.charges, toldCharge{negative(ratOf(m.Amount)), rate, string(m.Currency), m.Time})
	}
	l.facts = append(l.facts, m)
}

// record records the facts in an order of its own, and asks for the performance meanwhile.
func (l *life) record() {
	for _, o := range l.first {
		_, err := l.portfolio.Record(l.T.Context(), o)
		require.NoError(l, err)
	}
	if l.oneIn(2) {
		l.facts = rapid.Permutation(l.facts).Draw(l.T, "order")
	}
	for facts := l.facts; len(facts) > 0; {
		n := min(len(facts), l.n(1, 20))
		_, err := l.portfolio.Record(l.T.Context(), facts[:n]...)
		require.NoError(l, err)
		if facts = facts[n:]; l.oneIn(4) {
			_, err := l.portfolio.Performance(l.T.Context(), performance.Window{})
			require.NoError(l, err)
		}
	}
}

// change records splits, corrections and cancellations.
func (l *life) change() {
	for _, s := range l.splits {
		_, err := l.portfolio.Record(l.T.Context(), s)
		if errors.Is(err, accounts.ErrPositionNotFound) {
			continue // what was never held cannot be split
		}
		require.NoError(l, err)
		l.told.splits = append(l.told.splits, toldSplit{s.From.Symbol, s.To.Symbol, frac(2), s.Time})
	}
	for _, x := range l.leaving {
		_, err := l.portfolio.Record(l.T.Context(), x.fact)
		if errors.Is(err, accounts.ErrPositionNotFound) || errors.Is(err, accounts.ErrInvalid) {
			continue // what is not held cannot go
		}
		require.NoError(l, err)
		l.told.trades = append(l.told.trades, x.told)
	}
	for _, f := range l.changes {
		_, err := l.portfolio.Record(l.T.Context(), f)
		require.NoError(l, err)
	}
}

// window makes a window up.
func (l *life) window() performance.Window {
	edge := func() time.Time {
		if n := len(l.told.points); n > 0 && l.oneIn(2) {
			return l.told.points[l.n(0, n-1)].at.Add(time.Duration(l.n(-1, 1)) * time.Microsecond)
		}
		return l.moment()
	}
	var w performance.Window
	if l.oneIn(2) {
		w.From = edge()
	}
	if l.oneIn(2) {
		w.To = edge()
	}
	if !w.To.IsZero() && w.To.Before(w.From) {
		w.From, w.To = w.To, w.From
	}
	if l.oneIn(4) {
		w.PeriodsPerYear = float64(l.n(1, 500))
	}
	return w
}

// compare holds every field of the library's report against the program's figure.
func (l *life) compare(w performance.Window) {
	got, err := l.portfolio.Performance(l.T.Context(), w)
	require.NoError(l, err)
	want := l.told.figures(span{w.From, w.To, w.PeriodsPerYear})
	report := reflect.ValueOf(got)
	for i := range report.NumField() {
		name := report.Type().Field(i).Name
		figure, known := want[name]
		require.True(l, known, "nothing recomputes %s", name)
		requireSame(l, figure, report.Field(i).Interface(), name, w)
	}
	require.Len(l, want, report.NumField(), "the program works out what the report does not have")
}

// requireSame compares a figure of the program with the library's, to nine digits.
func requireSame(t require.TestingT, want, got any, name string, w performance.Window) {
	switch g := got.(type) {
	case *float64:
		if g == nil {
			got = nil
		} else {
			got = *g
		}
	case *ledger.Decimal:
		if g == nil {
			got = nil
		} else {
			got = ratOf(*g)
		}
	case ledger.Decimal:
		got = ratOf(g)
	case ledger.Date:
		got = ""
		if g != 0 {
			got = g.String()
		}
	case []string:
		got = fmt.Sprint(g)
	case ledger.Currency, performance.Period:
		got = fmt.Sprint(g)
	case time.Time:
		require.True(t, g.Equal(want.(time.Time)), "%s: %v, recomputed %v", name, g, want)
		return
	}
	a, number := asFloat(want)
	b, numberToo := asFloat(got)
	if !number || !numberToo {
		require.Equal(t, want, got, "%s in %+v", name, w)
		return
	}
	require.LessOrEqual(t, math.Abs(a-b), 1e-9*max(1, math.Abs(a), math.Abs(b)), "%s in %+v: %v, recomputed %v", name, w, b, a)
}

// asFloat returns a figure as a number, if it is one.
func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case rat:
		return float(v), v != nil
	case float64:
		return v, true
	}
	return 0, false
}
