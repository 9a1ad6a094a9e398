package flex

import (
	"fmt"
	"maps"
	"math/big"

	"pgregory.net/rapid"
)

// Rare corporate actions of the simulated broker: rights, tenders, gifts of shares, mergers into
// another currency, and actions that are taken back.

// euro is what one is worth in the base currency, on every row.
var euro = rat("1.08")

// paidIn is an amount in another currency than the contract's.
func (b *simBroker) paidIn(c simContract, amount *big.Rat) (string, *big.Rat) {
	if c.currency == "EUR" {
		return "USD", over(amount, euro)
	}
	return "EUR", times(amount, euro)
}

// rights gives one right for each unit, at no cost. They are exercised, oversubscribed or lapse on
// a later day.
func (h *simHistory) rights(t *rapid.T, id int) {
	c, held := h.contracts[id], h.quantity(id)
	right := h.heir(id, "R")
	text := fmt.Sprintf("%s(US0000000%d) SUBSCRIBABLE RIGHTS ISSUE  1 FOR 1", c.symbol, id)
	for _, l := range h.lots[id] {
		h.put(right.id, simLot{l.quantity, zero(), l.opened})
	}
	h.simBroker.act(right, held, text, rapid.SampledFrom([]string{"RI", "DI"}).Draw(t, "issue"), nil)
	h.told[c.lineage] = true
	h.newDay(t)
	text = fmt.Sprintf("%s(US0000000%d) SUBSCRIBES TO %d", right.symbol, right.id, h.heirs)
	group := map[string]string{"actionID": h.nextID()}
	delete(h.lots, right.id)
	right.dead = true
	h.contracts[right.id] = right
	if held.Sign() < 0 || rapid.Bool().Draw(t, "lapses") {
		h.simBroker.act(right, neg(held), fmt.Sprintf("%s(US0000000%d) EXPIRED RIGHTS", right.symbol, right.id), "ED", nil).realized = zero()
		return
	}
	h.simBroker.act(right, neg(held), text, "PI", group).realized = zero()
	h.subscribe(c, over(held, whole(2)), text, "PI", group)
	if rapid.Bool().Draw(t, "oversubscribed") {
		h.newDay(t)
		h.subscribe(c, whole(3), fmt.Sprintf("%s(US0000000%d) RIGHTS OVERSUBSCRIPTION", c.symbol, id), "RO", nil)
	}
}

// subscribe buys units for money.
func (b *simBroker) subscribe(c simContract, quantity *big.Rat, text, kind string, group map[string]string) {
	cost := times(quantity, rat("2.5"))
	b.put(c.id, simLot{quantity, cost, b.now})
	b.pay(c.currency, neg(cost))
	more := map[string]string{"proceeds": plain(neg(cost), 9)}
	maps.Copy(more, group)
	b.act(c, quantity, text, kind, more)
}

// gift gives one unit for each of four, in no ratio that the text tells: the basis spreads over
// all.
func (b *simBroker) gift(id int) {
	c, held := b.contracts[id], b.quantity(id)
	lots := b.lots[id]
	delete(b.lots, id)
	for _, l := range lots {
		b.put(id, simLot{times(l.quantity, rat("1.25")), l.basis, l.opened})
	}
	c.mark = over(c.mark, rat("1.25"))
	b.contracts[id] = c
	b.told[c.lineage] = true // the text tells no ratio
	b.act(c, over(held, whole(4)), fmt.Sprintf("%s(US0000000%d) CHOICE DIVIDEND", c.symbol, id), "HI", nil)
}

// tender turns all units into a contract of their own, and on a later day back.
func (h *simHistory) tender(t *rapid.T, id int) {
	c, held := h.contracts[id], h.quantity(id)
	tendered := h.heir(id, "T")
	move := func(from, to simContract, text string) {
		lots := h.lots[from.id]
		delete(h.lots, from.id)
		h.lots[to.id] = lots
		group := map[string]string{"actionID": h.nextID()}
		h.simBroker.act(from, neg(held), text, "TO", group)
		h.simBroker.act(to, held, text, "TO", group)
	}
	move(c, tendered, fmt.Sprintf("%s(US0000000%d) TENDERED TO US0000000%d 1 FOR 1", c.symbol, id, tendered.id))
	tendered.dead = true
	h.contracts[tendered.id] = tendered
	h.newDay(t)
	move(tendered, c, fmt.Sprintf("%s(US0000000%d) MERGED(Voluntary Offer Allocation)  WITH US0000000%d 1 FOR 1", tendered.symbol, tendered.id, id))
}

// mergeAbroad turns a contract into one of another currency, at the rate of the day.
func (b *simBroker) mergeAbroad(id int) {
	c := b.contracts[id]
	b.told[c.lineage] = true
	total, lots := b.quantity(id), b.lots[id]
	delete(b.lots, id)
	child := b.heir(id, "E")
	child.currency, _ = b.paidIn(c, zero())
	b.contracts[child.id] = child
	rate := over(whole(1), euro)
	if c.currency == "EUR" {
		rate = euro
	}
	for _, l := range lots {
		b.put(child.id, simLot{l.quantity, times(l.basis, rate), l.opened})
	}
	text, group := fmt.Sprintf("%s(US0000000%d) MERGED(Acquisition) %s", c.symbol, id, b.nextID()), map[string]string{"actionID": b.nextID()}
	b.act(c, neg(total), text, "TC", group)
	b.act(child, total, text, "TC", group)
	c.dead = true
	b.contracts[id] = c
}

// buyOut takes all units away for money in another currency.
func (b *simBroker) buyOut(id int, money *big.Rat) {
	c := b.contracts[id]
	total := b.quantity(id)
	currency, _ := b.paidIn(c, zero())
	worth := times(money, euro)
	if currency == "USD" {
		worth = over(money, euro)
	}
	gain := sub(worth, b.basis(id))
	delete(b.lots, id)
	b.pay(currency, money)
	row := b.act(c, neg(total), fmt.Sprintf("%s(US0000000%d) MERGED(Acquisition) FOR %s", c.symbol, id, currency), "TC",
		map[string]string{"proceeds": plain(money, 6), "currency": currency, "fxRateToBase": map[string]string{"USD": "1", "EUR": "1.08"}[currency]})
	row.realized = gain
	b.told[c.lineage] = true
	c.dead = true
	b.contracts[id] = c
}

// takenBack lets an action happen and takes it back, at the same time, with rows that mirror it.
func (h *simHistory) takenBack(do func()) {
	before, first := h.simState.clone(), len(h.rows)
	do()
	rows := h.rows[first:len(h.rows):len(h.rows)]
	for _, row := range rows {
		back := &simRow{section: row.section, at: h.now, tx: h.nextID(), contract: row.contract, quantity: neg(row.quantity), fields: maps.Clone(row.fields)}
		for _, name := range []string{"quantity", "proceeds", "amount", "value", "fifoPnlRealized"} {
			back.fields[name] = plain(neg(rat(row.fields[name])), 12)
		}
		back.fields["code"], back.fields["transactionID"] = "Ca", back.tx
		h.rows = append(h.rows, back)
		row.voidAt, back.voidAt = first, first
	}
	h.simState = *before
}

// rare lets one of them happen to a stock.
func (h *simHistory) rare(t *rapid.T, id int) {
	long := h.quantity(id).Sign() > 0 && h.basis(id).Sign() > 0
	value := func() *big.Rat { return drawDecimal(t, "value", 100_00, 9000_00, 2) }
	switch n := rapid.IntRange(0, 6).Draw(t, "rare"); {
	case n == 0:
		h.rights(t, id)
	case n == 1:
		h.gift(id)
	case n == 2:
		h.tender(t, id)
	case n == 3 && long:
		h.mergeAbroad(id)
	case n == 4 && long:
		h.buyOut(id, value())
	case n == 5:
		h.takenBack(func() { h.worthless(id) })
	case long:
		money, first, second := value(), value(), value()
		h.takenBack(func() { h.merge(id, money, first, second) })
	}
}
