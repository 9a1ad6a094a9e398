package flex

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// secType translates the broker's asset category; ok is false for those the library has no
// contract terms for.
func secType(category string) (ledger.SecType, bool) {
	switch category {
	case "STK", "OPT", "FUT", "FOP", "CASH", "CFD", "WAR", "BOND", "FUND", "CRYPTO":
		return ledger.SecType(category), true
	case "FSFOP": // futures-style margined
		return ledger.FutureOption, true
	case "FSOPT":
		return ledger.Option, true
	case "FXCFD":
		return ledger.CFD, true
	case "IOPT": // exchange-traded warrants of an issuer
		return ledger.Warrant, true
	case "BILL":
		return ledger.Bond, true
	}
	return "", false
}

// contract returns the row's contract, or the problem that keeps the library from knowing it.
// money is the field that is minus or plus quantity × price × multiplier, to derive a multiplier
// from that the row does not give.
func (b *builder) contract(c *reading, money, price field) (con Contract, problem string) {
	r := c.r
	c.require(fSymbol, fConID)
	con.Currency = ledger.Currency(b.keep(r.v[fCurrency]))
	c.require(fCurrency)
	con.ConID, con.UnderlyingConID = c.id(fConID), c.id(fUnderlyingConID)
	con.LocalSymbol = b.keep(r.v[fSymbol])
	con.Description, con.ListingExchange = b.keep(r.v[fDescription]), b.keep(r.v[fListingExchange])
	con.ISIN = b.isin(r)
	category := b.keep(r.v[fAssetCategory])
	if category == "" {
		category = b.guessCategory(c, con.ConID, money, price)
	} else if con.ConID != 0 && b.untold.categories[con.ConID] == "" {
		b.untold.tellCategory(con.ConID, category)
	}
	var ok bool
	if con.SecType, ok = secType(category); !ok {
		return con, fmt.Sprintf("asset category %.20q is unknown", category)
	}
	problem = b.terms(c, &con)
	var guessed bool
	con.Multiplier, guessed = b.multiplier(c, &con, money, price)
	b.withoutTerms(c, &con)
	if c.err != nil || problem != "" {
		return con, problem
	}
	if err := con.Validate(); err != nil {
		return con, err.Error()
	}
	if guessed && price != fNone && !c.decimal(price).IsZero() {
		b.count(r.line, c.sec.String(), "options of which no row tells the multiplier: taken as 100; let the query show it", 1)
	}
	return con, ""
}

func (b *builder) isin(r *row) string {
	if r.v[fISIN] == "" && r.v[fSecurityIDType] == "ISIN" {
		return b.keep(r.v[fSecurityID])
	}
	return b.keep(r.v[fISIN])
}

// terms fills in what identifies the contract beside currency and multiplier.
func (b *builder) terms(c *reading, con *Contract) (problem string) {
	underlying := b.keep(c.r.v[fUnderlyingSymbol])
	con.Symbol = con.LocalSymbol
	switch con.SecType {
	case ledger.Option:
		occ, err := ledger.ParseOCC(con.LocalSymbol)
		if err == nil {
			con.Symbol = b.keep(occ.Symbol)
		} else if underlying != "" {
			con.Symbol = underlying
		}
		c.optionTerms(con, occ)
		con.Underlying = underlying
	case ledger.FutureOption, ledger.Warrant:
		if con.SecType == ledger.FutureOption && underlying != "" {
			con.Symbol = underlying
		}
		c.optionTerms(con, ledger.Instrument{})
		con.Underlying = underlying
	case ledger.Future:
		if underlying != "" {
			con.Symbol = underlying
		}
		con.Underlying = underlying
		con.Expiry = c.date(fExpiry)
	case ledger.Forex:
		base, quote, pair := strings.Cut(con.LocalSymbol, ".")
		if pair && quote != string(con.Currency) {
			problem = fmt.Sprintf("currency pair %.20q is not quoted in the row's currency %s", con.LocalSymbol, con.Currency)
		}
		con.Symbol = base
	}
	if con.Symbol == "" { // the contract id is all there is; require has seen to that
		con.Symbol = "#" + strconv.FormatInt(con.ConID, 10)
	}
	return problem
}

// optionTerms reads expiry, right and strike; what the row does not give is taken from the symbol.
func (c *reading) optionTerms(con *Contract, occ ledger.Instrument) {
	con.Expiry, con.Right, con.Strike = occ.Expiry, occ.Right, occ.Strike
	if d := c.date(fExpiry); d != 0 {
		con.Expiry = d
	}
	if d := c.optional(fStrike); d.Valid && !d.Value.IsZero() {
		con.Strike = d.Value
	}
	switch c.r.v[fPutCall] {
	case "":
	case "C", "Call", "CALL":
		con.Right = ledger.Call
	case "P", "Put", "PUT":
		con.Right = ledger.Put
	default:
		con.Right = ledger.Right(strings.Clone(c.r.v[fPutCall])) // Validate refuses it
	}
	if con.Expiry == 0 || con.Right == "" || con.Strike.IsZero() {
		describedTerms(con)
	}
}

// bondMultiplier is what the row gives, for each per cent of the face value. Where the amount of
// money is that of so many units at the price, the price is one per unit.
func bondMultiplier(c *reading, money, price field) ledger.Decimal {
	m := c.optional(fMultiplier).Value
	if !m.IsPos() {
		m = unit
	}
	if money != fNone && c.r.v[money] != "" && c.r.v[price] != "" {
		amount, whole := c.decimal(money).Abs(), c.quantity().Abs().Mul(c.decimal(price).Abs()).Mul(m)
		if amount.GreaterThan(share(whole, unit, ten)) && !whole.IsZero() {
			return m
		}
	}
	return m.Mul(hundredth)
}

var hundredth, ten = udecimal.MustFromInt64(1, 2), udecimal.MustFromInt64(10, 0)

// impliedMultiplier returns the whole number by which quantity × price becomes the amount, to the
// cent.
func impliedMultiplier(quantity, price, amount ledger.Decimal) (ledger.Decimal, bool) {
	if quantity, price = num.Trim(quantity), num.Trim(price); quantity.Prec()+price.Prec() > num.MaxPlaces {
		return ledger.Decimal{}, false
	}
	unit := quantity.Mul(price).Abs()
	m, err := amount.Abs().Div(unit)
	if err != nil { // expired: the price is zero
		return ledger.Decimal{}, false
	}
	m = m.RoundBank(0)
	rest := m.Mul(unit).Sub(amount.Abs()).Abs()
	return m, m.IsPos() && rest.LessThan(udecimal.MustFromInt64(1, 2))
}

// quantity returns how many units the row is about, zero if it does not say.
func (c *reading) quantity() ledger.Decimal {
	if c.r.v[fQuantity] == "" {
		return c.decimal(fPosition)
	}
	return c.decimal(fQuantity)
}
