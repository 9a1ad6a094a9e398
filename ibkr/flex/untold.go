package flex

import (
	"errors"
	"strings"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
)

// What a row leaves out of its contract, another row of the contract may tell. Rows that leave out
// what kind of contract it is, or its multiplier, wait until all others are read.

// errLater stops the reading of a row that is to wait.
var errLater = errors.New("is told by another row, if at all")

// untold is what rows tell of contracts for the rows that do not.
type untold struct {
	categories map[int64]string // by the broker's id
	byID       map[int64]ledger.Decimal
	byName     map[ledger.InstrumentKey]ledger.Decimal // by what else rows call the contract
	later      []packedRow
	last       bool // all that do not wait are read
}

// wait makes the row wait, and reports whether it does. A transfer may have moved money already.
func (b *builder) wait(c *reading) bool {
	if b.untold.last || c.sec == secTransfers {
		return false
	}
	if c.err == nil {
		c.err = errLater
	}
	return true
}

// tellCategory notes what kind of contract one is.
func (u *untold) tellCategory(conID int64, category string) {
	if u.categories == nil {
		u.categories = map[int64]string{}
	}
	u.categories[conID] = category
}

// guessCategory tells the kinds of contract apart where the row leaves the category out. It returns
// nothing for what is no share and cannot be told.
func (b *builder) guessCategory(c *reading, conID int64, money, price field) string {
	r := c.r
	base, quote, pair := strings.Cut(r.v[fSymbol], ".")
	_, notOCC := ledger.ParseOCC(r.v[fSymbol])
	switch told := b.untold.categories[conID]; {
	case told != "":
		return told
	case r.v[fPutCall] != "", notOCC == nil:
		return string(ledger.Option)
	case r.v[fExpiry] != "":
		return string(ledger.Future)
	case pair && quote == r.v[fCurrency] && len(base) == 3 && ledger.Currency(base).Valid():
		return string(ledger.Forex)
	case b.wait(c):
		return string(ledger.Stock)
	case c.decimal(fMultiplier).GreaterThan(unit):
		return ""
	case money != fNone && !c.decimal(money).IsZero() && c.perCent(money, price):
		return string(ledger.Bond)
	}
	b.count(r.line, c.sec.String(), "the row tells no asset category: taken for a share; let the query show it", 1)
	return string(ledger.Stock)
}

// perCent reports whether the row's money is that of a price in per cent.
func (c *reading) perCent(money, price field) bool {
	whole := c.quantity().Abs().Mul(c.decimal(price).Abs())
	return whole.Mul(hundredth).Sub(c.decimal(money).Abs()).Abs().LessThan(cent)
}

// multiplier returns what the row gives, else what its amount of money implies, else what another
// row of the contract tells, else the usual one: 100 for options, which is guessed, none for
// futures, 1 elsewhere.
func (b *builder) multiplier(c *reading, con *Contract, money, price field) (_ ledger.Decimal, guessed bool) {
	switch con.SecType {
	case ledger.Bond:
		return bondMultiplier(c, money, price), false
	case ledger.Option, ledger.Future, ledger.FutureOption, ledger.Warrant:
	default:
		if m := c.optional(fMultiplier); m.Valid && !m.Value.IsZero() {
			return m.Value, false
		}
		return unit, false
	}
	m, told := c.optional(fMultiplier).Value, true
	if m.IsZero() {
		m, told = impliedMultiplier(c.quantity(), c.decimal(price), c.decimal(money))
	}
	if told {
		b.tellMultiplier(con, m)
		return m, false
	}
	return b.untoldMultiplier(c, con)
}

// tellMultiplier notes the multiplier of a contract for the rows that tell none.
func (b *builder) tellMultiplier(con *Contract, m ledger.Decimal) {
	of := &b.untold
	if of.byID == nil {
		of.byID, of.byName = map[int64]ledger.Decimal{}, map[ledger.InstrumentKey]ledger.Decimal{}
	}
	if con.ConID != 0 {
		if of.byID[con.ConID].Equal(m) {
			return
		}
		of.byID[con.ConID] = m
	}
	of.byName[withoutMultiplier(con)] = m
}

// withoutMultiplier is what a row calls the contract.
func withoutMultiplier(con *Contract) ledger.InstrumentKey {
	inst := con.Instrument
	inst.Multiplier = ledger.Decimal{}
	return inst.Key()
}

// untoldMultiplier is what another row tells, once all are read, or the usual multiplier.
func (b *builder) untoldMultiplier(c *reading, con *Contract) (_ ledger.Decimal, guessed bool) {
	if b.wait(c) {
		return unit, false
	}
	m, told := b.untold.byID[con.ConID]
	if !told {
		m, told = b.untold.byName[withoutMultiplier(con)]
	}
	switch {
	case told:
		return m, false
	case con.SecType == ledger.Warrant:
		return unit, false
	case con.SecType != ledger.Option:
		return ledger.Decimal{}, false
	}
	if b.st.guessed == nil {
		b.st.guessed = map[int64]bool{}
	}
	b.st.guessed[con.ConID] = true
	return udecimal.MustFromInt64(100, 0), true
}

// convertLater converts the rows that waited for what others tell.
func (b *builder) convertLater() error {
	b.untold.last = true
	var r row
	for i := range b.untold.later {
		packed := &b.untold.later[i]
		packed.unpack(&r)
		if err := b.convert(packed.sec, &r); err != nil {
			return err
		}
		*packed = packedRow{}
	}
	b.untold.later = nil
	return nil
}
