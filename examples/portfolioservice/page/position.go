package page

import (
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var positionRoutes = []route{
	{method: "GET", path: "/p/{id}/position/{key}", right: httpapi.Read, at: "portfolio", run: showPosition},
}

// position is a position in a list.
type position struct {
	Name, Path, Kind string
	Quantity         string
	Mark             money
	Age              badge // of the mark
	Cost             money // a unit
	Value            money // with its unit where that is not the base currency
	Unrealized       gain
}

// positionOf returns a position as it is listed.
func (c *call) positionOf(a *account, v ledger.PositionValue) position {
	i := v.Instrument
	out := position{Name: nameOf(i), Path: positionPath(a.ID, i.Key()), Kind: kindOf(i, a.Currency()) + ", " + plural(len(v.Lots), "lot"),
		Quantity: quantity(v.Quantity), Cost: unitCost(v.Basis, v.Quantity, i.Multiplier), Age: badge{"warn", "warn", "no mark"}}
	if !v.Marked() {
		return out
	}
	old := c.now.Sub(v.Mark.Time)
	out.Mark, out.Value = price(v.Mark.Price), cents(v.Value)
	out.Unrealized = gained(v.Unrealized).of(v.Unrealized, v.Basis.Abs())
	if i.Currency != a.Currency() {
		out.Value = out.Value.in(i.Currency)
	}
	out.Age = badge{"", "live", age(old) + " old"}
	if old > a.Snapshot.Risk.Limits.MarkAge {
		out.Age = badge{"warn", "activity", age(old) + " old"}
	}
	return out
}

// unitCost returns what one unit of a lot or a position cost, in the contract's currency.
func unitCost(basis, units, multiplier ledger.Decimal) money {
	cost, err := basis.Div(units.Mul(multiplier))
	if err != nil {
		return money{}
	}
	if cost.Abs().LessThan(ten) {
		return price(cost.RoundHAZ(4))
	}
	return cents(cost)
}

var ten = ledger.MustDecimal("10")

// lot is a lot of a position.
type lot struct {
	Bought     moment
	Inferred   bool // the opening was not seen
	Quantity   string
	Cost       money
	Unrealized gain
}

// deal is a trade in a list.
type deal struct {
	Words    string
	When     moment
	Realized gain // of what the trade closed
	Closed   bool
	Fees     money
}

// positionView is the screen of one position.
type positionView struct {
	Account  account
	Position position
	Currency ledger.Currency
	Held     bool
	Realized gain // this year, in the contract's currency
	Meters   []meter
	Lots     []lot
	Deals    []deal
	More     int // trades before those
	Buy, Sell,
	BuyPath, SellPath string
	CanTrade bool
}

// maxDeals is how many trades a position's page has.
const maxDeals = 100

func showPosition(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	p, err := c.portfolio()
	if err != nil {
		return err
	}
	key := ledger.InstrumentKey(c.r.PathValue("key"))
	held, ok := p.Position(key)
	if !ok {
		return errNoPosition
	}
	value := ledger.PositionValue{Position: held}
	for _, v := range a.Snapshot.Open {
		if v.Instrument.Key() == key {
			value = v
		}
	}
	i := held.Instrument
	view := positionView{Account: a, Position: c.positionOf(&a, value), Currency: i.Currency, Held: !held.Quantity.IsZero(),
		CanTrade: c.caller.Rights.Has(httpapi.Check) && !a.Archived(), Sell: "Sell " + nameOf(i) + " in " + a.Name, Buy: "Buy " + nameOf(i) + " in " + a.Name}
	ticket := a.Path("ticket") + "?instrument=" + queryEscape(string(key))
	view.SellPath, view.BuyPath = ticket+"&side=sell", ticket+"&side=buy"
	view.Meters = metersOf(&a, i)
	for _, l := range value.Lots {
		view.Lots = append(view.Lots, c.lotOf(value, l))
	}
	if view.Deals, view.More, view.Realized, err = c.deals(p, key); err != nil {
		return err
	}
	return c.render("position", nameOf(i), view)
}

// metersOf returns the meters that a contract is a part of.
func metersOf(a *account, i ledger.Instrument) []meter {
	underlying := i.Underlying
	if underlying == "" {
		underlying = i.Symbol
	}
	var out []meter
	for _, u := range a.Snapshot.Risk.Usage {
		if u.Rule == risk.RulePosition && u.Subject == string(i.Key()) || u.Rule == risk.RuleUnderlying && u.Subject == underlying {
			m := meterOf(a, u)
			m.Name = "Of one contract’s limit"
			if u.Rule == risk.RuleUnderlying {
				m.Name = "With its options, of one underlying’s limit"
			}
			out = append(out, m)
		}
	}
	return out
}

// lotOf returns a lot at the position's mark.
func (c *call) lotOf(v ledger.PositionValue, l ledger.Lot) lot {
	out := lot{Bought: c.at(l.OpenedAt, "2 Jan 06"), Inferred: l.Inferred, Quantity: quantity(l.Quantity), Cost: unitCost(l.Basis, l.Quantity, v.Instrument.Multiplier)}
	if v.Marked() {
		worth := l.Quantity.Mul(v.Mark.Price).Mul(v.Instrument.Multiplier)
		out.Unrealized = gained(worth.Sub(l.Basis)).of(worth.Sub(l.Basis), l.Basis.Abs())
	}
	return out
}

// deals returns the newest trades in a contract, how many came before, and what they realized this
// year.
func (c *call) deals(p *accounts.Portfolio, key ledger.InstrumentKey) (list []deal, before int, realized gain, err error) {
	filter := accounts.TradeFilter{Instruments: []ledger.InstrumentKey{key}}
	closings, err := p.Closings(c.ctx, filter)
	if err != nil {
		return nil, 0, gain{}, err
	}
	by, year := map[ledger.ExecID]ledger.Closing{}, ledger.Decimal{}
	begin := newYear(c.now)
	for _, closing := range closings {
		by[closing.Value.Trade.ExecID] = closing.Value
		if !closing.Value.Trade.Time.Before(begin) {
			year = year.Add(closing.Value.Realized)
		}
	}
	var trades []ledger.Trade
	for t, err := range p.Trades(c.ctx, filter) {
		if err != nil {
			return nil, 0, gain{}, err
		}
		trades = append(trades, t.Value)
		if len(trades) > maxDeals {
			trades, before = trades[1:], before+1
		}
	}
	for i := len(trades) - 1; i >= 0; i-- {
		list = append(list, c.dealOf(trades[i], by))
	}
	return list, before, gained(year), nil
}

// dealOf returns a trade with what it closed.
func (c *call) dealOf(t ledger.Trade, closings map[ledger.ExecID]ledger.Closing) deal {
	d := deal{Words: done(t.Quantity) + " " + quantity(t.Quantity.Abs()) + " at " + price(t.Price).String(), When: c.stamp(t.Time),
		Fees: cents(t.Commission.Add(t.Taxes)).in(t.Instrument.Currency)}
	if t.CommissionPending {
		d.Fees = money{}
	}
	if closing, ok := closings[t.ExecID]; ok {
		d.Closed, d.Realized = true, gained(closing.Realized)
	}
	return d
}

// done returns "Bought", or "Sold" for a negative quantity.
func done(q ledger.Decimal) string {
	if q.IsNeg() {
		return "Sold"
	}
	return "Bought"
}

// tradingDay returns when the trading day of an account began.
func (c *call) tradingDay(a *account) time.Time {
	zone, err := a.Snapshot.Risk.Limits.Location()
	if err != nil { // limits that are in force have a zone
		zone = c.page.Location
	}
	return ledger.DateOf(c.now.In(zone)).Time(zone)
}
