package flex

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// simHistory is a random account history with the broker's state before every step.
type simHistory struct {
	*simBroker
	days []simDay
	q    simQuery
}

// simDay is the state at the beginning of a day on which something happened, and the first of its
// rows.
type simDay struct {
	date    time.Time
	state   *simState
	row     int
	between bool // an execution before it is taken back or corrected after it
}

const (
	stockA, stockB, stockE, future, bond, index, firstOption, indexOption = 101, 102, 103, 104, 106, 107, 201, 301
)

// What no other column of the query tells is left out: which execution is corrected without ids,
// and what futures and currency trades cost without the commission.
func drawHistory(t *rapid.T, q simQuery) *simHistory {
	h := &simHistory{simBroker: newSimBroker(), q: q}
	h.now = h.now.AddDate(0, 0, -1)
	contract := func(id int, kind, symbol, currency, multiplier, strike, right, expiry string, under int) {
		h.contracts[id] = simContract{id: id, kind: kind, symbol: symbol, currency: currency, multiplier: rat(multiplier), strike: rat(strike),
			right: right, expiry: expiry, under: under, lineage: id, mark: rat("10")}
	}
	contract(stockA, "STK", "AAA", "USD", "1", "0", "", "", 0)
	contract(stockB, "STK", "BBB", "USD", "1", "0", "", "", 0)
	contract(stockE, "STK", "EEE", "EUR", "1", "0", "", "", 0)
	contract(future, "FUT", "CLX5", "USD", "1000", "0", "", "20251020", 0)
	for i, o := range []struct {
		root, right, strike string
		under               int
	}{{"AAA", "C", "12", stockA}, {"AAA", "P", "9.5", stockA}, {"BBB", "C", "40", stockB}, {"BBB", "P", "35", stockB}} {
		strike := times(rat(o.strike), whole(1000))
		contract(firstOption+i, "OPT", fmt.Sprintf("%-6s250620%s%08s", o.root, o.right, plain(strike, 0)), "USD", "100", o.strike, o.right, "20250620", o.under)
	}
	contract(bond, "BOND", "T 1 06/30/27", "USD", "0.01", "0", "", "", 0)
	contract(index, "IND", "SPX", "USD", "1", "0", "", "", 0)
	h.contracts[index] = simContract{id: index, kind: "IND", symbol: "SPX", currency: "USD", multiplier: rat("1"), strike: zero(), mark: zero(), dead: true}
	contract(indexOption, "OPT", "SPX   250620C05000000", "USD", "100", "5000", "C", "20250620", index)
	h.newDay(t)
	h.cashRow("Deposits/Withdrawals", "USD", rat("100000"))
	for range rapid.IntRange(5, 45).Draw(t, "steps") {
		if rapid.IntRange(0, 2).Draw(t, "sleep") == 0 {
			h.newDay(t)
		} else {
			h.now = h.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
		}
		h.step(t)
	}
	h.newDay(t)
	h.now = h.now.AddDate(0, 0, 2)
	h.days = append(h.days, simDay{date: h.now, state: h.simState.clone(), row: len(h.rows)})
	return h
}

func (h *simHistory) newDay(t *rapid.T) {
	y, m, d := h.now.AddDate(0, 0, rapid.IntRange(1, 3).Draw(t, "days")).Date()
	h.now = time.Date(y, m, d, 9, 30, 0, 0, newYork)
	h.days = append(h.days, simDay{date: h.now, state: h.simState.clone(), row: len(h.rows)})
}

func (h *simHistory) step(t *rapid.T) {
	switch n := rapid.IntRange(0, 34).Draw(t, "step"); {
	case n > 31:
		h.act(t)
	case n > 29:
		h.settleIndex(t)
	case n < 17:
		h.trade(h.order(t))
	case n < 19:
		h.cancel(t)
	case n < 21 && !h.q.lacks("ibExecID"):
		h.correct(t)
	case n < 24:
		h.finishOption(t)
	case n == 24:
		h.randomSplit(t)
	case n == 25:
		h.rename(t)
	case n == 26 && !h.q.lacks("ibCommission"):
		h.exchange(whole(rapid.Int64Range(-500, 500).Filter(func(n int64) bool { return n != 0 }).Draw(t, "euros")), rat("1.0845"))
	case n == 27:
		h.cashRow("Dividends", "USD", rat("12.34"))
	case n == 28:
		h.cashRow("Other Fees", "EUR", rat("-1.5"))
	default:
		h.cashRow("Deposits/Withdrawals", "EUR", rat("-250.25"))
	}
}

// living returns the contracts of a kind that still trade, in a fixed order.
func (h *simHistory) living(kinds ...string) (ids []int) {
	for id, c := range h.contracts {
		if !c.dead && slices.Contains(kinds, c.kind) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func drawDecimal(t *rapid.T, label string, low, high int64, places int) *big.Rat {
	n := rapid.Int64Range(low, high).Draw(t, label)
	return over(whole(n), new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)))
}

// order draws a trade: often one that closes exactly, sometimes one that flips.
func (h *simHistory) order(t *rapid.T) simTrade {
	id := rapid.SampledFrom(h.living("STK", "OPT", "FUT", "BOND")).Draw(t, "contract")
	c := h.contracts[id]
	var q *big.Rat
	switch {
	case c.kind == "BOND":
		q = whole(1000 * rapid.Int64Range(1, 9).Draw(t, "face"))
	case c.kind != "STK":
		q = whole(rapid.Int64Range(1, 5).Draw(t, "contracts"))
	case rapid.IntRange(0, 3).Draw(t, "fractional") == 0:
		q = drawDecimal(t, "shares", 5_000, 3_000_000, 4)
	default:
		q = whole(rapid.Int64Range(1, 300).Draw(t, "shares"))
	}
	held := h.quantity(id)
	if held.Sign() != 0 && rapid.IntRange(0, 4).Draw(t, "flatten") == 0 && held.Denom().Cmp(big.NewInt(1_000_000)) <= 0 {
		q = abs(held)
	}
	if rapid.Bool().Draw(t, "sell") {
		q = neg(q)
	}
	price := drawDecimal(t, "price", 5000, 50_0000, 4)
	if c.kind == "FUT" || c.kind == "BOND" {
		price = drawDecimal(t, "price", 60_00, 80_00, 2)
	}
	taxes := zero()
	if rapid.IntRange(0, 5).Draw(t, "taxed") == 0 {
		taxes = drawDecimal(t, "tax", -200, 0, 2)
	}
	commission := drawDecimal(t, "commission", -3_000_000_000, 200_000_000, 9)
	if c.kind == "FUT" && h.q.lacks("ibCommission") {
		commission = zero()
	}
	return simTrade{contract: id, quantity: q, price: price, commission: commission, taxes: taxes,
		kind: "ExchTrade", notes: rapid.SampledFrom([]string{"", "P", "IA;P"}).Draw(t, "notes")}
}

// undo puts the broker back to where it was before the last trade, whose row stays. It does so at
// once or on another day.
func (h *simHistory) undo(t *rapid.T, before *simState, row *simRow) {
	if rapid.Bool().Draw(t, "later") {
		h.newDay(t)
		h.days[len(h.days)-1].between = true
	}
	h.simState = *before
	h.now = h.now.Add(time.Minute)
	row.voidAt = len(h.rows)
}

// cancel executes a trade and takes it back.
func (h *simHistory) cancel(t *rapid.T) {
	before := h.simState.clone()
	row, _, _ := h.trade(h.order(t))
	h.undo(t, before, row)
	tx := h.nextID()
	back := &simRow{section: "Trades", at: h.now, tx: tx, voidAt: len(h.rows), fields: map[string]string{}}
	for name, value := range row.fields {
		back.fields[name] = value
	}
	for _, name := range []string{"quantity", "proceeds", "taxes", "ibCommission", "netCash", "cost", "fifoPnlRealized"} {
		back.fields[name] = plain(neg(rat(value0(row.fields[name]))), 12)
	}
	back.fields["buySell"] = row.fields["buySell"] + " (Ca.)"
	back.fields["dateTime"], back.fields["reportDate"] = h.now.Format("20060102;150405"), h.now.Format("20060102")
	back.fields["tradeDate"] = h.now.Format("20060102")
	back.fields["tradeID"], back.fields["transactionID"] = "5"+tx, tx
	switch rapid.IntRange(0, 2).Draw(t, "cancelled how") {
	case 0:
		back.fields["transactionType"] = "TradeCancel"
		back.fields["origTransactionID"] = row.tx
		back.fields["ibExecID"] = ""
	case 1:
		back.fields["notes"] = "Ca"
	default:
		back.fields["ibExecID"] = "0000d514." + tx + ".01.01"
	}
	h.rows = append(h.rows, back)
}

func value0(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// correct executes a trade and replaces it by another of the same execution.
func (h *simHistory) correct(t *rapid.T) {
	before := h.simState.clone()
	order := h.order(t)
	row, _, _ := h.trade(order)
	at := h.now
	h.undo(t, before, row)
	right := h.order(t)
	right.contract, right.quantity, right.price = order.contract, order.quantity, add(order.price, rat("0.01"))
	right.commission = order.commission // no column of some queries tells that of a future
	id := row.fields["ibExecID"]
	right.exec = id[:len(id)-2] + "02"
	again, _, _ := h.trade(right)
	again.fields["dateTime"] = at.Format("20060102;150405")
}

// finishOption lets an option expire, be assigned or exercised, whatever is held of it.
func (h *simHistory) finishOption(t *rapid.T) {
	var ids []int
	for _, id := range h.living("OPT") {
		if h.quantity(id).Sign() != 0 && id != indexOption {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "option")
	c := h.contracts[id]
	held := h.quantity(id)
	y, m, d := h.now.Date()
	h.now = time.Date(y, m, d, 16, 20, 0, 0, newYork)
	close := simTrade{contract: id, quantity: neg(held), price: zero(), commission: zero(), taxes: zero(), kind: "BookTrade", notes: "Ep"}
	if rapid.IntRange(0, 2).Draw(t, "expires") == 0 {
		h.trade(close)
		c.dead = true
		h.contracts[id] = c
		h.newDay(t)
		return
	}
	n := rapid.Int64Range(1, abs(held).Num().Int64()).Draw(t, "exercised")
	close.quantity, close.notes, close.free = whole(-n), "Ex", true
	if held.Sign() < 0 {
		close.quantity, close.notes = whole(n), "A"
	}
	_, premium, _ := h.trade(close)
	shares := times(close.quantity, c.multiplier)
	if c.right == "C" {
		shares = neg(shares)
	}
	h.trade(simTrade{contract: c.under, quantity: shares, price: c.strike, commission: drawDecimal(t, "commission", -50_000_000, 0, 9), taxes: zero(),
		kind: "BookTrade", notes: close.notes, premium: premium})
	h.touched[h.contracts[c.under].lineage], h.touched[id] = true, true
	h.newDay(t)
}

// randomSplit splits a stock on which no options are open, for those would be adjusted.
func (h *simHistory) randomSplit(t *rapid.T) {
	var ids []int
	for _, id := range h.living("STK") {
		if h.quantity(id).Sign() != 0 && h.short(id) && !h.underlies(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "split")
	ratio := rapid.SampledFrom([][2]int64{{2, 1}, {3, 1}, {4, 1}, {3, 2}, {1, 2}, {1, 4}, {1, 25}}).Draw(t, "ratio")
	h.newDay(t)
	h.simBroker.split(id, ratio[0], ratio[1], rapid.Bool().Draw(t, "renumber"))
	h.newDay(t)
}

// short reports whether the quantities of all lots have few places, so that splits do not pile them
// up.
func (h *simHistory) short(id int) bool {
	for _, l := range h.lots[id] {
		if l.quantity.Denom().Cmp(big.NewInt(1_000_000)) > 0 {
			return false
		}
	}
	return true
}

// underlies reports whether options on the stock are alive; those of a split stock end first.
func (h *simHistory) underlies(id int) bool {
	for _, option := range h.living("OPT") {
		if h.contracts[option].under != id {
			continue
		}
		if h.quantity(option).Sign() != 0 {
			return true
		}
		c := h.contracts[option]
		c.dead = true
		h.contracts[option] = c
	}
	return false
}

// rename gives a stock a new symbol.
func (h *simHistory) rename(t *rapid.T) {
	id := rapid.SampledFrom(h.living("STK")).Draw(t, "renamed")
	c := h.contracts[id]
	h.newDay(t)
	c.symbol += "X"
	h.contracts[id] = c
}
