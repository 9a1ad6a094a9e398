package exposure

import (
	"fmt"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestEquityIsTheSameKeptUpAndAddedUp holds the equity that is kept up fact by fact and mark by mark against the one
// that is added up from the whole book, and so does it with whether equity is known at all.
func TestEquityIsTheSameKeptUpAndAddedUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &equities{
			T: t, account: NewAccount("USD"), prices: ledger.NewPrices("USD"), at: time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC),
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			e.at = e.at.Add(time.Minute)
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				e.mark()
			case 1:
				e.rate()
			case 2:
				e.cash()
			default:
				e.trade()
			}
			e.compare()
		}
	})
}

type equities struct {
	*rapid.T
	account *Account
	prices  *ledger.Prices
	at      time.Time
	seq     int64
}

// drawn is a decimal with places, so that products pass 19 places now and then.
func (e *equities) drawn(least, most int64, what string) ledger.Decimal {
	places := rapid.SampledFrom([]uint8{0, 2, 7}).Draw(e.T, "places")
	return udecimal.MustFromInt64(rapid.Int64Range(least, most).Draw(e.T, what), places)
}

func (e *equities) contract() ledger.Instrument {
	currency := ledger.Currency(rapid.SampledFrom([]string{"USD", "EUR", "JPY"}).Draw(e.T, "currency"))
	i := ledger.NewStock("XYZ", currency)
	switch rapid.IntRange(0, 2).Draw(e.T, "kind") {
	case 1:
		i = ledger.NewOption("XYZ", 20260320, ledger.Put, ledger.MustDecimal("50"), currency)
	case 2:
		i = ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: currency, Expiry: 20260320, Multiplier: ledger.MustDecimal("1000")}
	}
	require.NoError(e.T, i.Normalize())
	return i
}

func (e *equities) mark() {
	i := e.contract()
	if e.prices.SetMark(i.Key(), ledger.Mark{Instrument: i, Price: e.drawn(0, 9_999, "price"), Time: e.at}) {
		e.account.Touch(i.Key())
	}
}

func (e *equities) rate() {
	c := ledger.Currency(rapid.SampledFrom([]string{"EUR", "JPY"}).Draw(e.T, "of"))
	if e.prices.SetRate(ledger.FXRate{Currency: c, Rate: e.drawn(1, 9_999, "rate"), Time: e.at}) {
		e.account.TouchAll()
	}
}

func (e *equities) apply(f ledger.Fact) {
	payload, err := ledger.Normalize(f)
	require.NoError(e.T, err)
	e.seq++
	e.account.Apply(payload, e.seq)
}

func (e *equities) cash() {
	m := ledger.CashMovement{ID: fmt.Sprint(e.seq), Kind: ledger.OpeningCash, Currency: e.contract().Currency, Amount: e.drawn(1, 99_999, "amount"), Time: e.at}
	if rapid.Bool().Draw(e.T, "rated") {
		m.FXRate = e.drawn(1, 99, "its rate")
	}
	e.apply(m)
}

func (e *equities) trade() {
	quantity := udecimal.MustFromInt64(rapid.Int64Range(1, 50).Draw(e.T, "quantity"), 0)
	if rapid.Bool().Draw(e.T, "sale") {
		quantity = quantity.Neg()
	}
	e.apply(ledger.Trade{
		ExecID: ledger.ExecID(fmt.Sprint("x", e.seq)), Instrument: e.contract(), Quantity: quantity,
		Price: e.drawn(1, 9_999, "traded at"), Commission: e.drawn(0, 99, "commission"), Time: e.at,
	})
}

func (e *equities) compare() {
	market := Market{Prices: e.prices, Policy: NewPolicy(1, risk.StatusActive, risk.Limits{}), Now: e.at}
	if e.account.exposure != nil { // the same policy, or everything would be worked out anew
		market.Policy = e.account.exposure.policy
	}
	kept, known := e.account.weigh(&market).equity()
	totals, cash := e.account.Totals(e.prices), e.account.CashTotals(e.prices)
	require.Equal(e.T, totals.Known() && cash.Known(), known, "whether equity is known")
	if known {
		require.True(e.T, kept.Equal(totals.Equity), "kept up %s, added up %s", kept, totals.Equity)
	}
}
