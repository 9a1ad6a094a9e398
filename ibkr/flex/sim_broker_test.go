package flex

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // not every machine has time zones
)

// A broker of our own, written from what is known about the real one and not from the library: it
// keeps explicit lots of exact fractions and states what it did in rows like the broker's.

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("not a number: " + s)
	}
	return r
}

func zero() *big.Rat               { return new(big.Rat) }
func whole(n int64) *big.Rat       { return new(big.Rat).SetInt64(n) }
func neg(a *big.Rat) *big.Rat      { return new(big.Rat).Neg(a) }
func abs(a *big.Rat) *big.Rat      { return new(big.Rat).Abs(a) }
func add(a, b *big.Rat) *big.Rat   { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat   { return new(big.Rat).Sub(a, b) }
func times(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func over(a, b *big.Rat) *big.Rat  { return new(big.Rat).Quo(a, b) }
func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// plain prints a number exactly as far as the broker would: without trailing zeros.
func plain(r *big.Rat, places int) string {
	s := r.FloatString(places)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

// simContract is a contract as the broker knows it at present.
type simContract struct {
	id                 int
	kind, symbol       string
	currency           string
	multiplier, strike *big.Rat
	right, expiry      string
	under              int // the underlying's id
	lineage            int // the id of what it came from by splits
	mark               *big.Rat
	dead               bool
}

type simLot struct {
	quantity, basis *big.Rat
	opened          time.Time
}

// simState is everything that a statement's ends are made from.
type simState struct {
	lots      map[int][]simLot
	cash      map[string]*big.Rat
	contracts map[int]simContract
}

func (s *simState) clone() *simState {
	c := &simState{lots: map[int][]simLot{}, cash: maps.Clone(s.cash), contracts: maps.Clone(s.contracts)}
	for id, lots := range s.lots {
		c.lots[id] = slices.Clone(lots)
	}
	return c
}

func (s *simState) quantity(id int) *big.Rat {
	sum := zero()
	for _, l := range s.lots[id] {
		sum = add(sum, l.quantity)
	}
	return sum
}

func (s *simState) basis(id int) *big.Rat {
	sum := zero()
	for _, l := range s.lots[id] {
		sum = add(sum, l.basis)
	}
	return sum
}

func (s *simState) pay(currency string, amount *big.Rat) {
	if s.cash[currency] == nil {
		s.cash[currency] = zero()
	}
	s.cash[currency] = add(s.cash[currency], amount)
}

// simRow is one row of a statement.
type simRow struct {
	section string
	at      time.Time
	fields  map[string]string
	// What the tests ask about afterwards.
	tx       string
	contract int
	quantity *big.Rat
	realized *big.Rat // exact; nil unless it closes
	voidAt   int      // the row that cancels or replaces it; 0 if none
}

// simBroker runs one account.
type simBroker struct {
	simState
	now  time.Time
	rows []*simRow
	ids  int
	// touched are the lineages that an exercise delivered or took.
	touched map[int]bool
	// told are the lineages of which no row tells the basis, but positions and closings.
	told  map[int]bool
	heirs int
}

func newSimBroker() *simBroker {
	return &simBroker{simState: simState{lots: map[int][]simLot{}, cash: map[string]*big.Rat{}, contracts: map[int]simContract{}},
		now: time.Date(2025, 1, 2, 9, 30, 0, 0, newYork), touched: map[int]bool{}, told: map[int]bool{}}
}

var newYork = mustZone("America/New_York")

func mustZone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

func (b *simBroker) nextID() string {
	b.ids++
	return fmt.Sprint(7000000 + b.ids)
}

// simTrade is an order to the simulated broker.
type simTrade struct {
	contract             int
	quantity, price      *big.Rat
	commission, taxes    *big.Rat // negative when paid
	notes, kind, buySell string
	premium              *big.Rat // of the options that delivered it
	exec                 string
	free                 bool // an exercised option: what it gains moves on
}

// trade executes: it matches lots first in first out and writes the row. It returns what the
// trade gained, and the part that closed.
func (b *simBroker) trade(t simTrade) (row *simRow, gained, closed *big.Rat) {
	c := b.contracts[t.contract]
	if t.premium == nil {
		t.premium = zero()
	}
	proceeds := neg(times(times(t.quantity, t.price), c.multiplier))
	paid := add(add(proceeds, t.commission), t.taxes)
	net := add(paid, t.premium)
	held := b.quantity(t.contract)
	closed = zero()
	if held.Sign()*t.quantity.Sign() < 0 {
		closed = least(abs(held), abs(t.quantity))
	}
	closedNet := times(net, over(closed, abs(t.quantity)))
	consumed := b.consume(t.contract, closed)
	gained = zero()
	cost := neg(paid) // of an opening, without the premium: that is what the row shows
	side := "O"
	if closed.Sign() > 0 {
		gained, cost, side = sub(closedNet, consumed), neg(consumed), "C"
	}
	if rest := sub(abs(t.quantity), closed); rest.Sign() > 0 {
		if closed.Sign() > 0 {
			side = "C;O"
		}
		if t.quantity.Sign() < 0 {
			rest = neg(rest)
		}
		b.put(t.contract, simLot{rest, sub(closedNet, net), b.now})
	}
	b.settle(c, t, paid)
	tx := b.nextID()
	if t.exec == "" {
		t.exec = fmt.Sprintf("0000d514.%s.01.01", tx)
	}
	if t.buySell == "" {
		t.buySell = map[bool]string{true: "SELL", false: "BUY"}[t.quantity.Sign() < 0]
	}
	shown := gained
	if t.free {
		shown = zero()
	}
	row = &simRow{section: "Trades", at: b.now, tx: tx, contract: t.contract, quantity: t.quantity, fields: b.about(c)}
	if closed.Sign() > 0 {
		row.realized = shown
	}
	maps.Copy(row.fields, map[string]string{
		"tradeID": "5" + tx, "transactionID": tx, "ibExecID": t.exec, "dateTime": b.now.Format("20060102;150405"),
		"tradeDate": b.now.Format("20060102"), "reportDate": b.now.Format("20060102"), "transactionType": t.kind,
		"quantity": plain(t.quantity, 10), "tradePrice": plain(t.price, 10), "proceeds": plain(proceeds, 12), "taxes": plain(t.taxes, 9),
		"ibCommission": plain(t.commission, 9), "ibCommissionCurrency": c.currency, "netCash": plain(paid, 12), "cost": plain(cost, 6),
		"fifoPnlRealized": plain(shown, 6), "openCloseIndicator": side, "notes": t.notes, "buySell": t.buySell, "levelOfDetail": "EXECUTION",
	})
	b.rows = append(b.rows, row)
	return row, gained, closed
}

// settle moves cash: futures pay commission at once and the rest by the mark, see ending.
func (b *simBroker) settle(c simContract, t simTrade, paid *big.Rat) {
	b.pay(c.currency, paid)
	c.mark = t.price
	if t.price.Sign() == 0 {
		c.mark = rat("0.01")
	}
	b.contracts[c.id] = c
}

// consume takes n units off the oldest lots and returns their basis.
func (b *simBroker) consume(id int, n *big.Rat) *big.Rat {
	basis := zero()
	for n.Sign() > 0 {
		l := b.lots[id][0]
		size := least(n, abs(l.quantity))
		part := over(size, abs(l.quantity))
		basis = add(basis, times(l.basis, part))
		n = sub(n, size)
		b.lots[id] = b.lots[id][1:]
		if rest := sub(whole(1), part); rest.Sign() > 0 {
			b.lots[id] = append([]simLot{{times(l.quantity, rest), times(l.basis, rest), l.opened}}, b.lots[id]...)
		}
	}
	return basis
}

// ending is a currency's cash at the end of a day: what was paid, and of open futures what they
// are worth, for their price was never paid.
func (s *simState) ending(currency string) *big.Rat {
	sum := zero()
	if c := s.cash[currency]; c != nil {
		sum = c
	}
	for id := range s.lots {
		if c := s.contracts[id]; c.kind == "FUT" && c.currency == currency {
			sum = add(sum, times(times(s.quantity(id), c.mark), c.multiplier))
		}
	}
	return sum
}

// about is what every row says about a contract.
func (s *simState) about(c simContract) map[string]string {
	f := map[string]string{"accountId": "U1234567", "currency": c.currency, "fxRateToBase": "1", "assetCategory": c.kind, "symbol": c.symbol,
		"description": c.symbol + " INC", "conid": fmt.Sprint(c.id), "multiplier": plain(c.multiplier, 4), "strike": "", "expiry": c.expiry, "putCall": c.right,
		"underlyingConid": "", "underlyingSymbol": ""}
	if c.kind == "BOND" { // the price is per cent, whatever the column says
		f["multiplier"] = "1"
	}
	if c.currency == "EUR" {
		f["fxRateToBase"] = "1.08"
	}
	if c.under != 0 {
		f["underlyingConid"], f["underlyingSymbol"] = fmt.Sprint(c.under), s.contracts[c.under].symbol
	}
	if c.kind == "FUT" {
		f["underlyingSymbol"] = "CL"
	}
	if c.right != "" {
		f["strike"] = plain(c.strike, 4)
	}
	return f
}

// cashRow books money that moves other than by a trade.
func (b *simBroker) cashRow(kind, currency string, amount *big.Rat) {
	tx := b.nextID()
	b.pay(currency, amount)
	b.rows = append(b.rows, &simRow{section: "CashTransactions", at: b.now, tx: tx, fields: map[string]string{"accountId": "U1234567", "currency": currency,
		"fxRateToBase": map[bool]string{true: "1.08", false: "1"}[currency == "EUR"], "dateTime": b.now.Format("20060102;150405"),
		"reportDate": b.now.Format("20060102"), "amount": plain(amount, 6), "type": kind, "transactionID": tx, "levelOfDetail": "DETAIL"}})
}

// exchange trades one currency for another.
func (b *simBroker) exchange(quantity, price *big.Rat) {
	tx := b.nextID()
	commission := rat("-2.0")
	b.pay("EUR", quantity)
	b.pay("USD", sub(commission, times(quantity, price)))
	b.rows = append(b.rows, &simRow{section: "Trades", at: b.now, tx: tx, fields: map[string]string{"accountId": "U1234567", "currency": "USD", "fxRateToBase": "1",
		"assetCategory": "CASH", "symbol": "EUR.USD", "conid": "12087792", "multiplier": "1", "tradeID": "5" + tx, "transactionID": tx,
		"ibExecID": "0000f00d." + tx + ".01.01", "dateTime": b.now.Format("20060102;150405"), "reportDate": b.now.Format("20060102"),
		"transactionType": "ExchTrade", "quantity": plain(quantity, 4), "tradePrice": plain(price, 6), "proceeds": plain(neg(times(quantity, price)), 10),
		"taxes": "0", "ibCommission": "-2", "ibCommissionCurrency": "USD", "netCash": "0", "cost": "0", "fifoPnlRealized": "0",
		"openCloseIndicator": "", "notes": "", "buySell": "BUY", "levelOfDetail": "EXECUTION"}})
}

// split changes the units of a stock, n for m; into a new contract of the same name where renumber
// says so.
func (b *simBroker) split(id int, n, m int64, renumber bool) {
	c := b.contracts[id]
	old := b.quantity(id)
	to := c
	if renumber {
		to.id = id + 1000
	}
	ratio := big.NewRat(n, m)
	lots := b.lots[id]
	delete(b.lots, id)
	for _, l := range lots {
		b.lots[to.id] = append(b.lots[to.id], simLot{times(l.quantity, ratio), l.basis, l.opened})
	}
	to.mark = over(c.mark, ratio)
	text := fmt.Sprintf("%s(US0000000%d) SPLIT %d FOR %d", c.symbol, id, n, m)
	if renumber {
		c.symbol, c.dead = c.symbol+".OLD", true
		b.contracts[id] = c
		b.contracts[to.id] = to
		b.action(c, neg(old), text, "RS")
		b.action(to, times(old, ratio), text, "RS")
		return
	}
	b.contracts[id] = to
	b.action(to, times(old, sub(ratio, whole(1))), text, "FS")
}

func (b *simBroker) action(c simContract, quantity *big.Rat, text, kind string) {
	tx := b.nextID()
	row := &simRow{section: "CorporateActions", at: b.now, tx: tx, contract: c.id, quantity: quantity, fields: b.about(c)}
	maps.Copy(row.fields, map[string]string{"dateTime": b.now.Format("20060102;150405"), "reportDate": b.now.Format("20060102"), "transactionID": tx,
		"actionDescription": fmt.Sprintf("%s (%s, X INC, US0000000%d)", text, c.symbol, c.id), "quantity": plain(quantity, 12), "amount": "0",
		"proceeds": "0", "value": "0", "fifoPnlRealized": "0", "type": kind})
	b.rows = append(b.rows, row)
}
