package pgstore

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// The projection: what rows of trades and positions other services find.
//
// trades has a row for each trade in force, under the sequence number of the entry that brought it:
// a correction replaces the row, a cancellation removes it.
//
// positions has a row for each contract a profile ever held. Its exact_ columns are the figures.
// The columns that were there before are for services that know nothing else, and cannot hold
// everything:
//
//   - user_id is the profile's owner, or the profile where it has none: what a service adds up by user
//     never mixes accounts.
//   - quantity is the size, side the direction. They and entry_price, the average cost of a unit,
//     must not be zero: in a row that is closed they are those of the position while it was open.
//   - symbol is the ticker of a stock and the underlying of an option, if it fits into ten characters.
//     Anything else bears a mark that no ticker has, so that nobody prices it as the stock of that
//     name: "FUT:ES" for a future, "~" at the end for what was cut.
//   - position_type is OPTION for whatever has a strike, else STOCK; option_details says what it is.
//   - Figures are rounded and bounded to what their columns hold.

// project adds the projection of the batch to its rows.
func (r *rows) project(b *accounts.Batch) {
	trades := tradesOf(b)
	last := make(map[ledger.InstrumentKey]*ledger.Trade, len(trades))
	for _, t := range trades {
		r.amends = r.amends || t.place <= b.After || t.trade == nil
		if t.trade == nil {
			r.cancelled.add([]int64{0, t.place}, nil)
			continue
		}
		key := t.trade.Instrument.Key()
		last[key] = t.trade
		r.trade.add([]int64{0, t.place}, tradeTexts(t.trade, key))
	}
	since := openedAt(b)
	for i := range b.Positions {
		p := &b.Positions[i]
		key := p.Instrument.Key()
		r.position.add([]int64{0}, positionTexts(p, key, last[key], since[key]))
	}
}

// openedAt returns since when positions have been open that opening balances and transfers bring:
// not since now.
func openedAt(b *accounts.Batch) map[ledger.InstrumentKey]time.Time {
	var since map[ledger.InstrumentKey]time.Time
	for i := range b.Entries {
		if kind := b.Entries[i].Kind; kind != ledger.KindOpening && kind != ledger.KindTransfer {
			continue
		}
		payload, err := b.Decode(i)
		if err != nil {
			continue
		}
		var key ledger.InstrumentKey
		var at time.Time
		switch f := payload.(type) {
		case *ledger.Opening:
			key, at = f.Instrument.Key(), opened(f.Lots)
		case *ledger.Transfer:
			key, at = f.Instrument.Key(), opened(f.Lots)
		}
		if key == "" || at.IsZero() { // of what goes nothing is opened
			continue
		}
		if since == nil {
			since = map[ledger.InstrumentKey]time.Time{}
		}
		since[key] = at
	}
	return since
}

// opened returns when the oldest of the lots was opened; the zero time for none.
func opened(lots []ledger.Lot) (at time.Time) {
	for i := range lots {
		if at.IsZero() || lots[i].OpenedAt.Before(at) {
			at = lots[i].OpenedAt
		}
	}
	return at
}

// placedTrade is a trade in force, or with nil one that is not any longer, in its place.
type placedTrade struct {
	place int64
	trade *ledger.Trade
}

// tradesOf returns what entries change about the trades in force, each place once.
func tradesOf(b *accounts.Batch) []placedTrade {
	var out []placedTrade
	places := map[int64]int{}
	for i := range b.Entries {
		t, ok := tradeOf(b, i)
		if !ok {
			continue
		}
		if at, again := places[t.place]; again {
			out[at] = t
			continue
		}
		places[t.place] = len(out)
		out = append(out, t)
	}
	return out
}

// tradeOf returns what one entry changes. An entry that cannot be read changes nothing: a store
// keeps whatever it is given, and Verify tells.
func tradeOf(b *accounts.Batch, i int) (placedTrade, bool) {
	e := &b.Entries[i]
	if e.Kind != ledger.KindTrade && e.Kind != ledger.KindAmendment {
		return placedTrade{}, false
	}
	payload, err := b.Decode(i)
	if err != nil {
		return placedTrade{}, false
	}
	return tradeIn(e, payload)
}

// tradeIn is tradeOf for an entry that was read.
func tradeIn(e *accounts.Entry, payload any) (placedTrade, bool) {
	switch f := payload.(type) {
	case *ledger.Trade:
		return placedTrade{e.Seq, f}, true
	case *ledger.Amendment:
		return placedTrade{f.Place, f.Trade}, f.Trade != nil || f.Cancellation != nil
	}
	return placedTrade{}, false
}

func tradeTexts(t *ledger.Trade, key ledger.InstrumentKey) []string {
	return []string{string(t.ExecID), string(t.OrderID), string(kindOf(t)), string(key), t.Quantity.String(), t.Price.String(),
		proceeds(t).String(), t.Commission.String(), t.Taxes.String(), string(t.Instrument.Currency),
		string(t.CommissionCurrency), timeText(t.Time)}
}

func kindOf(t *ledger.Trade) ledger.TradeKind {
	if t.Kind == "" {
		return ledger.Execution
	}
	return t.Kind
}

// proceeds is what the trade brought, before costs.
func proceeds(t *ledger.Trade) ledger.Decimal {
	if !t.Proceeds.IsZero() {
		return t.Proceeds
	}
	return t.Quantity.Mul(t.Instrument.Multiplier).Mul(t.Price).Neg()
}

// timeText is a time as the statements read it; the zero time is ”.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return string(pq.FormatTimestamp(stored(t)))
}

// visible is a position as the columns show it that were there before.
type visible struct {
	symbol, kind, side        string
	quantity, price, realized ledger.Decimal
}

// visibleOf returns what is shown of a position. last is the batch's last trade in it, nil if there
// is none: it tells what a position was that the batch opened and closed.
func visibleOf(p *ledger.Position, last *ledger.Trade) visible {
	quantity, price := p.Quantity, p.Basis
	switch {
	case !quantity.IsZero():
		price = unitCost(p)
	case last != nil:
		quantity, price = last.Quantity.Neg(), last.Price
	}
	v := visible{symbol: symbolOf(&p.Instrument), kind: "STOCK", side: "LONG",
		quantity: bounded(quantity.Abs(), 6, smallestQuantity, largestQuantity),
		price:    bounded(price.Abs(), 4, smallestPrice, largestPrice),
		realized: bounded(p.Realized, 4, largestProfit.Neg(), largestProfit)}
	if p.Instrument.Right != "" {
		v.kind = "OPTION"
	}
	if quantity.IsNeg() {
		v.side = "SHORT"
	}
	return v
}

// positionTexts are the columns of a position's row. since is when it was opened, zero for with its
// last trade.
func positionTexts(p *ledger.Position, key ledger.InstrumentKey, last *ledger.Trade, since time.Time) []string {
	v := visibleOf(p, last)
	return []string{string(key), v.symbol, v.kind, v.side, v.quantity.String(), v.price.String(), v.realized.String(),
		detailsOf(&p.Instrument), string(p.Instrument.Currency),
		p.Quantity.String(), p.Basis.String(), p.Realized.String(), p.RealizedBase.String(), p.Unconverted.String(),
		p.Commissions.String(), p.Taxes.String(), timeText(p.LastTrade), timeText(p.LastClose), timeText(since)}
}

// What the columns hold that were there before.
var (
	smallestQuantity = udecimal.MustParse("0.000001")
	largestQuantity  = udecimal.MustParse("999999999.999999")
	smallestPrice    = udecimal.MustParse("0.0001")
	largestPrice     = udecimal.MustParse("99999999.9999")
	largestProfit    = udecimal.MustParse("99999999999.9999")
)

func bounded(d ledger.Decimal, places uint8, low, high ledger.Decimal) ledger.Decimal {
	d = d.RoundBank(places)
	switch {
	case d.LessThan(low):
		d = low
	case d.GreaterThan(high):
		d = high
	}
	return d
}

// unitCost is what a unit of an open position cost on average.
func unitCost(p *ledger.Position) ledger.Decimal {
	units := p.Quantity
	if !p.Instrument.Multiplier.IsZero() {
		units = units.Mul(p.Instrument.Multiplier)
	}
	cost, err := p.Basis.Div(units)
	if err != nil {
		return ledger.Decimal{}
	}
	return cost
}

// symbolOf fits an instrument into ten characters.
func symbolOf(i *ledger.Instrument) string {
	symbol := i.Symbol
	switch i.SecType {
	case ledger.Stock, ledger.Fund:
	case ledger.Option:
		if i.Underlying != "" {
			symbol = i.Underlying
		}
	default:
		symbol = string(i.SecType) + ":" + symbol
	}
	if runes := []rune(symbol); len(runes) > 10 {
		symbol = string(runes[:9]) + "~"
	}
	return symbol
}

// detailsOf describes what is more than a stock, as JSON.
func detailsOf(i *ledger.Instrument) string {
	if i.SecType == ledger.Stock && len([]rune(i.Symbol)) <= 10 {
		return ""
	}
	text, err := json.Marshal(i)
	if err != nil || strings.Contains(string(text), `\u0000`) {
		return ""
	}
	return string(text)
}
