package flex

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// The broker's corporate actions, bonds and cash settlements. What becomes of the basis is written
// from the rules in docs/corporate-actions.md, with exact fractions.

// put queues a lot behind all that were not opened later.
func (s *simState) put(id int, l simLot) {
	lots := slices.Clone(s.lots[id])
	i := len(lots)
	for i > 0 && l.opened.Before(lots[i-1].opened) {
		i--
	}
	s.lots[id] = slices.Insert(lots, i, l)
}

// heir makes a new contract that comes of another one.
func (b *simBroker) heir(id int, suffix string) simContract {
	c := b.contracts[id]
	b.heirs++
	child := c
	child.id, child.symbol, child.mark = 3000+b.heirs, fmt.Sprintf("%s%s%d", c.symbol, suffix, b.heirs), rat("7.5")
	b.contracts[child.id] = child
	return child
}

// spinOff gives a part of the basis of each lot that was held at a time to a new contract, n for m. The broker may
// tell of that time later.
func (b *simBroker) spinOff(id int, n, m int64, part *big.Rat, at time.Time) {
	c := b.contracts[id]
	child := b.heir(id, "S")
	ratio, total := big.NewRat(n, m), zero()
	lots := slices.Clone(b.lots[id])
	for i, l := range lots {
		if !l.opened.Before(at) {
			continue
		}
		moved := times(l.basis, part)
		lots[i].basis = sub(l.basis, moved)
		b.put(child.id, simLot{times(l.quantity, ratio), moved, l.opened})
		total = add(total, l.quantity)
	}
	b.lots[id] = lots
	b.act(child, times(total, ratio), fmt.Sprintf("%s(US0000000%d) SPINOFF  %d FOR %d", c.symbol, id, n, m), "SO",
		map[string]string{"dateTime": at.Format("20060102;150405")})
	b.told[c.lineage] = true
}

// since draws when an action happened of which the broker tells today: now, or on an earlier day since when nothing
// but purchases, or sales that open, moved the contract.
func (h *simHistory) since(t *rapid.T, id int) time.Time {
	held, before := h.quantity(id).Sign(), time.Time{}
	for _, row := range h.rows {
		switch {
		case row.section == "CorporateActions" && h.contracts[row.contract].lineage == h.contracts[id].lineage:
			before = row.at
		case row.contract != id:
		case row.voidAt > 0: // until it is taken back
			before = h.rows[row.voidAt].at
		case row.section != "Trades" || row.realized != nil || row.quantity.Sign() != held:
			before = row.at
		}
	}
	days := []time.Time{h.now}
	for _, day := range h.days {
		early := day.date.Add(-time.Minute) // than what is traded
		if !h.touched[h.contracts[id].lineage] && early.After(before) && h.lots[id][0].opened.Before(early) {
			days = append(days, early)
		}
	}
	return rapid.SampledFrom(days).Draw(t, "happened")
}

// merge turns a contract into others, and money: each new one has a market value, by which the
// basis is divided. The gain is realized, at most the money, and no loss.
func (b *simBroker) merge(id int, money *big.Rat, values ...*big.Rat) {
	c := b.contracts[id]
	b.told[c.lineage] = true
	total, basis, worth := b.quantity(id), b.basis(id), zero()
	for _, v := range values {
		worth = add(worth, v)
	}
	realized := zero()
	if money.Sign() > 0 {
		if realized = sub(add(money, worth), basis); realized.Sign() < 0 {
			realized = zero()
		}
		realized = least(realized, money)
	}
	left := sub(basis, sub(money, realized)) // of the basis, for the new shares
	lots := b.lots[id]
	delete(b.lots, id)
	text := fmt.Sprintf("%s(US0000000%d) MERGED(Acquisition) %s", c.symbol, id, b.nextID())
	group := b.nextID()
	old := map[string]string{"actionID": group, "fifoPnlRealized": plain(realized, 6), "proceeds": plain(money, 6)}
	row := b.act(c, neg(total), text, "TC", old)
	if money.Sign() != 0 {
		row.realized = realized
		b.pay(c.currency, money)
	}
	c.dead = true
	b.contracts[id] = c
	for _, v := range values {
		child := b.heir(id, "M")
		share := over(over(times(left, v), worth), basis)
		for _, l := range lots {
			b.put(child.id, simLot{over(l.quantity, whole(2)), times(l.basis, share), l.opened})
		}
		child.dead = false
		b.contracts[child.id] = child
		b.act(child, over(total, whole(2)), text, "TC", map[string]string{"actionID": group, "value": plain(v, 6)})
	}
}

// worthless takes all units away for nothing.
func (b *simBroker) worthless(id int) {
	c := b.contracts[id]
	total, lost := b.quantity(id), neg(b.basis(id))
	delete(b.lots, id)
	c.dead = true
	b.contracts[id] = c
	row := b.act(c, neg(total), fmt.Sprintf("(US0000000%d) DELISTED", id), "DW", map[string]string{"fifoPnlRealized": plain(lost, 6)})
	row.realized = lost
}

// mature pays a bond's face value.
func (b *simBroker) mature(id int, kind string) {
	c := b.contracts[id]
	total := b.quantity(id)
	gain := sub(total, b.basis(id))
	delete(b.lots, id)
	b.pay(c.currency, total)
	row := b.act(c, neg(total), fmt.Sprintf("(US0000000%d) BOND MATURITY FOR USD 1.00000000 PER BOND", id), kind,
		map[string]string{"proceeds": plain(total, 6), "fifoPnlRealized": plain(gain, 6)})
	row.realized = gain
}

// restate splits a stock, takes that back and splits it in another ratio, all at one time.
func (b *simBroker) restate(id int) {
	c, held := b.contracts[id], b.quantity(id)
	text := fmt.Sprintf("%s(US0000000%d) SPLIT 2 FOR 1", c.symbol, id)
	first := b.act(c, held, text, "FS", nil)
	back := b.act(c, neg(held), text, "FS", map[string]string{"code": "Ca"})
	first.voidAt, back.voidAt = len(b.rows), len(b.rows)
	b.split(id, 3, 1, false)
}

// act writes the row of a corporate action.
func (b *simBroker) act(c simContract, quantity *big.Rat, text, kind string, more map[string]string) *simRow {
	b.action(c, quantity, text, kind)
	row := b.rows[len(b.rows)-1]
	maps.Copy(row.fields, more)
	row.fields["amount"] = plain(neg(rat(row.fields["proceeds"])), 6)
	return row
}

// settleIndex exercises or assigns options on an index: they close at zero, and money settles them.
func (h *simHistory) settleIndex(t *rapid.T) {
	held := h.quantity(indexOption)
	if held.Sign() == 0 {
		return
	}
	c := h.contracts[indexOption]
	y, m, d := h.now.Date()
	h.now = time.Date(y, m, d, 16, 20, 0, 0, newYork)
	notes := map[bool]string{true: "A", false: "Ex"}[held.Sign() < 0]
	row, gained, _ := h.trade(simTrade{contract: indexOption, quantity: neg(held), price: zero(), commission: zero(), taxes: zero(), kind: "BookTrade", notes: notes, free: true})
	amount := times(held, drawDecimal(t, "intrinsic", 100, 900_000, 2))
	h.pay(c.currency, amount)
	row.realized = add(gained, amount)
	about := h.about(c)
	maps.Copy(about, map[string]string{"date": h.now.Format("20060102")})
	if h.q.settled != "funds" {
		eae := maps.Clone(about)
		maps.Copy(eae, map[string]string{"transactionType": "Cash Settlement", "quantity": "0", "proceeds": plain(amount, 6), "realizedPnl": plain(row.realized, 6)})
		h.rows = append(h.rows, &simRow{section: "OptionEAE", at: h.now, fields: eae, tx: h.nextID(), voidAt: 0})
	}
	if h.q.settled != "exercises" {
		maps.Copy(about, map[string]string{"activityDescription": "Option Cash Settlement for: Exercise", "activityCode": "ADJ", "amount": plain(amount, 6), "levelOfDetail": "Currency"})
		h.rows = append(h.rows, &simRow{section: "StmtFunds", at: h.now, fields: about, tx: h.nextID()})
	}
	c.dead = true
	h.contracts[indexOption] = c
	h.touched[indexOption] = true
	h.newDay(t)
}

// act lets something happen to a stock or a bond.
func (h *simHistory) act(t *rapid.T) {
	var ids []int
	for _, id := range h.living("STK", "BOND") {
		if h.quantity(id).Sign() != 0 && h.short(id) && !h.underlies(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "acted on")
	long := h.quantity(id).Sign() > 0
	h.newDay(t)
	value := func() *big.Rat { return drawDecimal(t, "value", 100_00, 9000_00, 2) }
	switch n := rapid.IntRange(0, 9).Draw(t, "action"); {
	case h.contracts[id].kind == "BOND":
		if long {
			h.mature(id, rapid.SampledFrom([]string{"BM", "TM"}).Draw(t, "matures"))
		}
	case n > 5:
		h.rare(t, id)
	case n == 0:
		ratio := rapid.SampledFrom([][2]int64{{1, 1}, {1, 2}, {1, 4}, {3, 1}}).Draw(t, "ratio")
		h.spinOff(id, ratio[0], ratio[1], drawDecimal(t, "part", 1, 99, 2), h.since(t, id))
	case n == 1 && long && h.basis(id).Sign() > 0:
		h.merge(id, value(), value())
	case n == 2 && long && h.basis(id).Sign() > 0:
		h.merge(id, zero(), value(), value())
	case n == 3:
		h.restate(id)
	case n == 4:
		h.worthless(id)
	case n == 5:
		h.spinOff(id, 1, 1, zero(), h.now)
	}
	h.newDay(t)
}
