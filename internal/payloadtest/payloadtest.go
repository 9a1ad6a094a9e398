// Package payloadtest has samples of everything that a journal holds. Tests alone use it.
package payloadtest

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

func d(s string) ledger.Decimal {
	d, err := ledger.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

// Time is when all of it happened.
var Time = time.Date(2026, 3, 2, 14, 30, 1, 123456000, time.UTC)

func option() ledger.Instrument {
	i := ledger.NewOption("XYZ", 20260320, ledger.Call, d("52.5"), "USD")
	i.ConID, i.LocalSymbol = 77, `XYZ "A" <&> é`
	return i
}

// Ledger is one full and one sparse payload of every kind about facts.
func Ledger() []ledger.Payload {
	option := option()
	full := &ledger.Trade{ExecID: "0001.01.01", OrderID: "o-1", Kind: ledger.Assignment, Instrument: option, Quantity: d("-2"), Price: d("1.05"),
		Proceeds: d("210"), Commission: d("1.123456789"), CommissionCurrency: "EUR", Taxes: d("0.1"), FXRate: d("0.92"), Time: Time}
	sparse := &ledger.Trade{ExecID: "x", Instrument: ledger.NewStock("XYZ", "USD"), Quantity: d("1"), Price: d("0"), Time: Time}
	lot := ledger.Lot{ExecID: "x", Quantity: d("1"), Basis: d("-3.5"), OpenedAt: Time, Inferred: true}
	split := &ledger.Split{ID: "s", From: option, To: ledger.NewStock("ABC", "USD"), Numerator: d("4"), Denominator: d("1"), Time: Time}
	spinoff := &ledger.Split{ID: "s", From: ledger.NewStock("XYZ", "USD"), To: ledger.NewStock("ABC", "EUR"), Numerator: d("1"), Denominator: d("4"),
		Part: d("10.5"), Whole: d("42"), Rate: d("0.92"), Time: Time}
	opening := &ledger.Opening{ID: "o", Instrument: option, Lots: []ledger.Lot{lot}, FXRate: d("1.1"), Time: Time}
	came := &ledger.Transfer{ID: "t", Instrument: option, Quantity: d("1"), Lots: []ledger.Lot{lot}, FXRate: d("1.1"), Price: d("2.5"), Time: Time}
	went := &ledger.Transfer{ID: "t", Instrument: option, Quantity: d("-1"), Basis: d("-3.5"), MarketRate: d("1.2"), Time: Time}
	cash := &ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "EUR", Amount: d("5"), FXRate: d("1.1"), MarketRate: d("1.2"), Time: Time}
	cancellation := &ledger.Cancellation{ExecID: "c", Cancels: "x", Time: Time}
	position := ledger.Position{Instrument: option, Quantity: d("1"), Basis: d("-3.5"), Realized: d("2"), LastTrade: Time, Lots: []ledger.Lot{lot}}
	return []ledger.Payload{
		full, sparse,
		&ledger.Trade{ExecID: "x", Instrument: ledger.NewStock("XYZ", "USD"), Quantity: d("1"), Price: d("2"), CommissionPending: true, Time: Time},
		&ledger.Amendment{Place: 2, Trade: full, Completes: ledger.Completion{Costs: true, Order: true, Rate: true}},
		&ledger.Amendment{Place: 2, Trade: full, Completes: ledger.Completion{Order: true}},
		&ledger.CashMovement{ID: "c", Kind: ledger.Fee, Currency: "USD", Amount: d("-1.5"), FXRate: d("1.1"), Symbol: "XYZ", Note: "a \\ note\u2028", Time: Time},
		&ledger.CashMovement{ID: "c", Kind: ledger.Fee, Currency: "USD", Amount: d("0"), Time: Time.Truncate(time.Hour)},
		split, spinoff, opening, came, went,
		&ledger.EquityPoint{Time: Time, Equity: d("1"), Cash: d("2"), Realized: d("-3"), Unrealized: d("0"), Capital: d("5"), Derived: true,
			Rates: map[ledger.Currency]ledger.Decimal{"EUR": d("1.25"), "CHF": d("1.1")}, Unrated: []ledger.Currency{"GBP", "JPY"}},
		&ledger.Amendment{Place: 3, Trade: full}, &ledger.Amendment{Place: 4, Split: split},
		&ledger.Amendment{Place: 5, Opening: opening}, &ledger.Amendment{Place: 6, Cancellation: cancellation},
		&ledger.Amendment{Place: 7, Transfer: came}, &ledger.Amendment{Place: 7, Transfer: went, Completes: ledger.Completion{Rate: true}},
		&ledger.Amendment{Place: 8, Cash: cash, Completes: ledger.Completion{Rate: true}},
		&ledger.Amendment{Place: 9, Opening: opening, Completes: ledger.Completion{Rate: true}},
		&ledger.Restatement{Positions: []ledger.Position{position}, Cash: map[ledger.Currency]ledger.CashBalance{"USD": {Capital: d("1.5")}},
			Pending: []ledger.PendingPremium{{Option: option.Key(), Underlying: "XYZ", Currency: "USD", Strike: d("52.5"), Quantity: d("100"), Amount: d("3"), Time: Time}}, Trades: 9},
		&ledger.Restatement{},
	}
}

// Risk is one full and one sparse payload of every kind about orders and trading.
func Risk() []risk.Payload {
	full := risk.Order{ID: "o-1", Instrument: option(), Quantity: d("-2"), Price: d("1.05"), Strategy: "trend", Sector: "tech & co", Signal: "s"}
	trades := 4
	sparse := risk.Order{ID: "o", Instrument: ledger.NewStock("XYZ", "USD"), Quantity: d("1")}
	limits := risk.Limits{
		Account: risk.MarginAccount, TimeZone: "Europe/Berlin", SecTypes: []ledger.SecType{ledger.Stock}, ShortSelling: true, UncoveredOptions: true,
		AllowedSymbols: []string{"XYZ"}, RestrictedSymbols: []string{"ABC"}, OrderQuantity: d("10"),
		OrderNotional: risk.Limit{Amount: d("5000"), Fraction: d("0.08")}, PriceCollar: d("0.05"), OptionCollar: d("0.5"),
		MarkAge: time.Minute, RateAge: time.Hour, DuplicateWindow: time.Second, OrdersPerMinute: 5, OrdersPerDay: 50, TradesPerDay: 60,
		PositionSize: risk.Limit{Fraction: d("0.2")}, OpenPositions: 6, Leverage: d("3"), FuturesMargin: d("0.15"),
		DailyLoss:  risk.Limit{Fraction: d("0.03")},
		Drawdown:   risk.DrawdownLimits{Warning: d("0.05"), Moderate: d("0.1"), Severe: d("0.15"), Critical: d("0.22")},
		DayTrading: []risk.DatedPolicy{{Policy: risk.PatternDayTrader}, {From: 20260604, Policy: risk.IntradayMargin}}, WarnAt: d("0.8"),
	}
	return []risk.Payload{
		&risk.Hold{Order: full, Warnings: []risk.Violation{{Rule: risk.RuleGross, Subject: "x", Limit: d("1"), Actual: d("0.8")}}, Time: Time}, &risk.Hold{Order: sparse, Time: Time},
		&risk.Release{OrderID: "o-1", Reason: `"cancelled"`, Time: Time},
		&risk.Dispatch{OrderID: "o-1", Ref: "r", Terms: "limit 1 day", Lease: "l", Fence: 7, Time: Time},
		&risk.Dispatch{OrderID: "o-2", Ref: "r", Terms: "market day", Time: Time},
		&risk.Refusal{Order: full, Violations: []risk.Violation{{Rule: risk.RuleState, Reason: "trading is halted"}}, Time: Time},
		&risk.Breach{Rule: risk.RuleDrawdown, Severity: risk.SeveritySevere, Limit: d("0.12"), Actual: d("0.13"), Time: Time},
		&risk.StateChange{State: risk.TradingReducing, Cause: risk.RuleDrawdown, Reason: "r",
			Recount: []risk.Rule{risk.RuleDailyLoss, risk.RuleDrawdown}, Equity: d("100"), Capital: d("90"), Time: Time},
		&risk.PolicyChange{Version: 3, Status: risk.StatusActive, Limits: limits, Time: Time}, &risk.PolicyChange{Version: 1, Time: Time},
		&risk.Restatement{
			Orders: []risk.WorkingOrder{{Order: full, Filled: d("1"), HeldAt: Time}, {Order: sparse, HeldAt: Time}}, Done: []ledger.OrderID{"o-7"},
			Parts:  map[ledger.InstrumentKey][]risk.StrategyPart{"STK:XYZ:USD": {{Strategy: "trend", Quantity: d("3")}}, "STK:ABC:USD": nil},
			Trades: &trades, DayTrades: []risk.DayTradeCount{{Date: 20260309, N: 2}},
			Opened: map[ledger.InstrumentKey]ledger.Date{"STK:XYZ:USD": 20260310, "STK:ABC:USD": 0},
			Sales:  []risk.Sale{{Date: 20260309, Currency: "USD", Amount: d("100.5")}},
		},
		&risk.Restatement{Done: []ledger.OrderID{"o"}},
	}
}
