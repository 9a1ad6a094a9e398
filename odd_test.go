package accounts_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// odd draws values that nobody should pass, among some that anybody might.
type odd struct{ t *rapid.T }

func oneOf[T any](o odd, list ...T) T { return rapid.SampledFrom(list).Draw(o.t, "value") }

func (o odd) number() ledger.Decimal {
	return dec(oneOf(o, "0", "1", "-1", "0.0000000000000000001", "-0.0000000000000000001", "999999999999999", "-999999999999999",
		"999999999999999.9999", "0.3333333333333333333", "100", "1000000", "0.5", "123456789.123456789"))
}

func (o odd) instrument() ledger.Instrument {
	if oneOf(o, true, false) {
		return oneOf(o, xyz, call, put, oil, ledger.NewOption("XYZ", 20271217, ledger.Put, o.number().Abs(), "USD"))
	}
	i := ledger.Instrument{
		SecType: oneOf(o, ledger.Stock, ledger.Option, ledger.Future, ledger.FutureOption, ledger.Forex, ledger.CFD, ledger.Warrant,
			ledger.Bond, ledger.Fund, ledger.Crypto, "", "ZZZ"),
		Symbol:     oneOf(o, "XYZ", "EUR", "", "A:B", strings.Repeat("x", 51), "é", "\x00"),
		Currency:   oneOf[ledger.Currency](o, "USD", "EUR", "usd", "", "ZZZ"),
		Underlying: oneOf(o, "", "XYZ", "ABC"), Right: oneOf[ledger.Right](o, "", "C", "P", "X"),
	}
	if oneOf(o, true, false) {
		i.Expiry = oneOf[ledger.Date](o, 20261218, 0, -1, 99999999, 20260101)
		i.Strike, i.Multiplier = o.number(), o.number()
	}
	return i
}

func (o odd) order(n int) risk.Order {
	return risk.Order{ID: ledger.OrderID(fmt.Sprint("o", oneOf(o, n, 0))), Instrument: o.instrument(), Quantity: o.number(),
		Price: o.number(), Strategy: oneOf(o, "", "a"), Sector: oneOf(o, "", "s", "\xff")}
}

func (o odd) sizer() sizing.Sizer {
	return oneOf[sizing.Sizer](o, sizing.FixedFraction{Fraction: o.number()}, sizing.FixedNotional{Amount: o.number()},
		sizing.VolatilityTarget{Target: o.number(), Max: o.number()}, sizing.FractionalKelly{Part: o.number(), Max: o.number()},
		sizing.ConfidenceWeighted{Fraction: o.number()})
}

// fact is the nth, with an id of its own or the first one's.
func (o odd) fact(n int, now time.Time) ledger.Fact {
	id := fmt.Sprint("f", oneOf(o, n, 0))
	switch oneOf(o, "trade", "cash", "split") {
	case "trade":
		return ledger.Trade{ExecID: ledger.ExecID(id), OrderID: ledger.OrderID(fmt.Sprint("o", n-1)), Instrument: o.instrument(),
			Quantity: o.number(), Price: o.number(), Commission: o.number(), Taxes: o.number(), Proceeds: o.number(),
			FXRate: o.number().Abs(), Time: now,
			Kind: oneOf[ledger.TradeKind](o, "", ledger.Expiry, ledger.Assignment, ledger.Exercise, ledger.Corporate, "zz")}
	case "cash":
		return ledger.CashMovement{ID: id, Kind: oneOf(o, ledger.Deposit, ledger.Withdrawal, ledger.OpeningCash, ledger.OtherCash),
			Currency: oneOf[ledger.Currency](o, "USD", "EUR", "?"), Amount: o.number(), FXRate: o.number(), Time: now}
	}
	return ledger.Split{ID: id, From: o.instrument(), To: o.instrument(), Numerator: o.number(), Denominator: o.number(), Time: now}
}

// call makes a call with odd values. Its error does not matter.
func (o odd) call(d *desk, n int) {
	switch oneOf(o, "mark", "rate", "reserve", "release", "record", "route", "look") {
	case "mark":
		at := d.Now().Add(time.Duration(oneOf(o, -301, 0, 299, 301)) * time.Second)
		_ = d.Portfolio.Mark(ledger.Mark{Instrument: o.instrument(), Price: o.number(), Time: at})
	case "rate":
		_ = d.Portfolio.MarkFX(ledger.FXRate{Currency: oneOf[ledger.Currency](o, "EUR", "USD", ""), Rate: o.number(), Time: d.Now()})
	case "reserve":
		order := o.order(n)
		d.Portfolio.Check(order)
		_, _ = d.Portfolio.Reserve(background, order)
	case "release":
		_ = d.Portfolio.Release(background, ledger.OrderID(fmt.Sprint("o", n-1)), oneOf(o, "", "x", "\xff"))
	case "record":
		_, _ = d.Portfolio.Record(background, o.fact(n, d.Now()))
	case "route":
		_, _ = d.Manager.Route(background, accounts.Signal{ID: risk.SignalID(fmt.Sprint("s", n)), Instrument: o.instrument(),
			Action: oneOf[accounts.SignalAction](o, "buy", "sell", "close", ""), Price: o.number(), Confidence: o.number(),
			Volatility: o.number(), Payoff: o.number()}, accounts.WithSizer(o.sizer()))
	case "look":
		_ = d.Portfolio.RecordEquity(background, d.Now())
		d.Portfolio.Snapshot()
		_ = d.Portfolio.Resume(background, "x")
	}
}

// Whatever is passed, nothing panics, and what was accepted can be read: the journal verifies, and
// another process comes to the same book.
func TestPropertyOddCalls(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := odd{rt}
		d := newDesk(t, func(l *risk.Limits) {
			l.Account = oneOf(o, risk.CashAccount, risk.MarginAccount)
			l.UncoveredOptions = oneOf(o, true, false)
		})
		for n := range rapid.IntRange(1, 40).Draw(rt, "calls") {
			o.call(d, n)
		}
		require.NoError(rt, d.Portfolio.Verify(background), "the journal does not verify")
		m := d.Another(t)
		other, err := m.Portfolio(background, d.Profile.ID)
		require.NoError(rt, err, "another process cannot open the profile")
		require.Equal(rt, d.Portfolio.Snapshot().Hash, other.Snapshot().Hash, "another process comes to another book")
		require.NoError(rt, m.Close())
		require.NoError(rt, d.Manager.Close())
	})
}
