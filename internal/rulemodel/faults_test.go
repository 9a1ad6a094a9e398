package rulemodel_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// loose are limits that bind nothing these histories do not tighten.
func loose(by func(l *risk.Limits)) *risk.Limits {
	l := &risk.Limits{
		Account: risk.MarginAccount, SecTypes: []ledger.SecType{ledger.Stock, ledger.Option, ledger.Future, ledger.FutureOption, ledger.Fund, ledger.CFD},
		ShortSelling: true, PriceCollar: dec("0.5"), OptionCollar: dec("5"), MarkAge: 5 * time.Minute, RateAge: time.Hour,
		Leverage: dec("50"), FuturesMargin: dec("0.15"), WarnAt: dec("1"),
		Drawdown: risk.DrawdownLimits{Warning: dec("0.2"), Moderate: dec("0.4"), Severe: dec("0.6"), Critical: dec("0.8")},
	}
	by(l)
	return l
}

// find returns the contract of the tests with the key.
func find(key ledger.InstrumentKey) ledger.Instrument {
	for _, l := range listings {
		if l.Key() == key {
			return l.Instrument
		}
	}
	panic("no contract " + key)
}

func markOf(key ledger.InstrumentKey, price string) step {
	return step{name: "marks", marks: []ledger.Mark{{Instrument: find(key), Price: dec(price)}}, advance: time.Second}
}

func tradeOf(key ledger.InstrumentKey, quantity, price string) step {
	return step{name: "trade", trade: &ledger.Trade{Instrument: find(key), Quantity: dec(quantity), Price: dec(price)}, advance: time.Second}
}

func orderOf(id ledger.OrderID, key ledger.InstrumentKey, quantity, price string) step {
	return step{name: "order", order: &risk.Order{ID: id, Instrument: find(key), Quantity: dec(quantity), Price: dec(price)}, advance: time.Second}
}

func cashOf(kind ledger.CashKind, currency ledger.Currency, amount string) step {
	return step{name: "cash", cash: &ledger.CashMovement{Kind: kind, Currency: currency, Amount: dec(amount)}, advance: time.Second}
}

// late records capital three hours after its time.
func late(s step) step {
	s.age, s.switched = 3*time.Hour, true
	return s
}

// moveOf is a position that comes (its lots at a price) or, with a part of four, goes.
func moveOf(name string, key ledger.InstrumentKey, quantity, basis, price string, age time.Duration) step {
	st := step{name: name, trade: &ledger.Trade{Instrument: find(key), Quantity: dec(quantity), Price: dec(basis)}, price: dec(price), age: age,
		advance: time.Second, switched: true}
	if name == "depart" {
		st.part = 4
	}
	return st
}

func euro(rate string) step {
	return step{name: "rate", rates: []ledger.FXRate{{Currency: "EUR", Rate: dec(rate)}}}
}

const (
	stockXYZ = "STK:XYZ:USD"
	stockSAP = "STK:SAP:EUR"
	stockABC = "STK:ABC:USD"
	cfd      = "CFD:DAX:EUR"
	put95    = "OPT:XYZ:20260618:P:95:100:USD"
	put100   = "OPT:XYZ:20260717:P:100:100:USD"
	call95   = "OPT:XYZ:20260717:C:95:100:USD"
	call105  = "OPT:XYZ:20260717:C:105:100:USD"
	putSAP   = "OPT:SAP:20260717:P:100:100:EUR"
	putMCL   = "FOP:MCL:20260716:P:68:100:USD"
	callMCL  = "FOP:MCL:20260716:C:70:100:USD"
	fund     = "FUND:FND:USD"
	future   = "FUT:MCL:20260720:100:USD"
)

// TestMended plays the shortest history of each fault that the model found and that is mended: the library
// and the model agree.
func TestMended(t *testing.T) {
	cashAccount := func(l *risk.Limits) { l.Account = risk.CashAccount }
	for name, c := range map[string]struct {
		limit func(l *risk.Limits)
		steps []step
	}{
		// The day lost 1,000, beyond 700, and 500 when trading is resumed: it counts from there.
		"a loss that was beyond its limit today is counted anew": {func(l *risk.Limits) { l.DailyLoss = risk.Limit{Amount: dec("700")} },
			[]step{cashOf(ledger.Deposit, "USD", "100000"), {name: "point", advance: time.Second}, tradeOf(stockXYZ, "100", "100"), markOf(stockXYZ, "90"),
				orderOf("a", stockXYZ, "1", "90"), markOf(stockXYZ, "95"), {name: "resume"}, markOf(stockXYZ, "89"), orderOf("b", stockXYZ, "1", "89")}},
		// Nothing is lost once the trade and its costs of 500 are cancelled, and the mark of 20,000 grew by the deposit.
		"a deposit adjusts the mark by the equity as it is restated": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "20000"), {name: "point", advance: time.Second}, markOf(stockXYZ, "100"), markOf(stockABC, "50"),
				{name: "trade", trade: &ledger.Trade{Instrument: find(stockXYZ), Quantity: dec("1"), Price: dec("100"), Commission: dec("500")}},
				cashOf(ledger.Deposit, "USD", "100000"), {name: "cancel"}, orderOf("a", stockABC, "1", "50")}},
		// The drawdown counts from -1,000.50 on, and nothing is lost since. Without the costs equity is -1,000.
		"a mark below zero stays below zero where it is restated": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "1000"), markOf(stockABC, "50"), markOf(stockXYZ, "100"), {name: "point", advance: time.Second},
				{name: "trade", trade: &ledger.Trade{Instrument: find(stockABC), Quantity: dec("1"), Price: dec("50"), Commission: dec("0.5")}},
				tradeOf(stockXYZ, "100", "100"), markOf(stockXYZ, "80"), {name: "resume", advance: time.Second}, {name: "cancel"},
				orderOf("a", stockABC, "1", "50")}},
		// The share that was bought left, and 30 minutes later two are bought back that were not there.
		"buying back what a late transfer took too much of is no day trade": {
			func(l *risk.Limits) { l.DayTrading = []risk.DatedPolicy{{Policy: risk.PatternDayTrader}} },
			[]step{cashOf(ledger.Deposit, "USD", "20000"), markOf(stockXYZ, "100"), tradeOf(stockABC, "10", "50"), tradeOf(stockABC, "-10", "50"),
				tradeOf(stockABC, "10", "50"), tradeOf(stockABC, "-10", "50"), tradeOf(stockXYZ, "1", "100"), {name: "advance", advance: time.Hour},
				tradeOf(stockXYZ, "2", "100"), moveOf("depart", stockXYZ, "0", "0", "100", 30*time.Minute), markOf(stockABC, "50"),
				orderOf("a", stockABC, "1", "50")}},
		// A CFD in EUR came, for which there is no rate. All cash is in USD, and the order buys a short call back.
		"cash is known where a CFD that came has no rate": {func(*risk.Limits) {},
			[]step{tradeOf(call105, "-4", "4"), tradeOf(put95, "-3", "2"), moveOf("opening", cfd, "-1", "1728", "1819", 0),
				orderOf("a", call105, "3", "4.78")}},
		// 5,000 EUR came before the point at 1.25, and are told to have been 1.4: nothing was gained or lost since.
		"a rate that is told later moves no loss": {func(*risk.Limits) {},
			[]step{euro("1.25"), cashOf(ledger.Deposit, "EUR", "5000"), {name: "point", advance: time.Second},
				{name: "tell rate", price: dec("1.4"), advance: time.Second, switched: true}, orderOf("a", stockABC, "1", "50")}},
		// Stock came, and 80 % of its worth were lost before the mark was begun anew, and a tenth of the rest since. That
		// is the drawdown, whatever rate is told of what came.
		"a rate that is told later leaves a mark that was begun anew": {func(*risk.Limits) {},
			[]step{moveOf("come", stockSAP, "50", "90", "100", 0), euro("1.25"), markOf(stockSAP, "100"), {name: "point", advance: time.Second},
				markOf(stockSAP, "20"), {name: "resume", advance: time.Second}, markOf(stockSAP, "18"),
				{name: "point", advance: time.Second}, {name: "tell rate", price: dec("1.1"), advance: time.Second, switched: true},
				markOf(stockABC, "50"), orderOf("a", stockABC, "1", "50")}},
		// A position in EUR came and went again before the point, without a rate. Two rates are told of it: nothing was
		// gained or lost since.
		"rates told of capital that came and went move no loss": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "25000"), moveOf("opening", stockSAP, "60", "90", "0", 0),
				moveOf("depart", stockSAP, "-60", "90", "0", 0),
				{name: "point", advance: time.Second}, {name: "tell rate", price: dec("1.1"), advance: time.Second, switched: true},
				{name: "tell rate", price: dec("1.25"), advance: time.Second, switched: true}, markOf(stockABC, "50"), orderOf("a", stockABC, "1", "50")}},
		// The point of 100,000 is that before the deposit. Then 50,000 are lost, and half of the rest is withdrawn, as
		// is told late: the drawdown is 50 %.
		"capital that is told late does not adjust the mark by an old point": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "100000"), tradeOf(stockXYZ, "1000", "100"), markOf(stockXYZ, "100"), {name: "point", advance: time.Second},
				cashOf(ledger.Deposit, "USD", "1"), markOf(stockXYZ, "50"), late(cashOf(ledger.Withdrawal, "USD", "-25000")), orderOf("a", stockABC, "1", "50")}},
		// 5,000 EUR come late and have no rate: at that of the day they are 6,250, beside 2,500. The order b writes a point.
		// Then 105 are lost, of 8,750.
		"an order writes a point for capital without a rate": {func(*risk.Limits) {},
			[]step{euro("1.25"), cashOf(ledger.Deposit, "USD", "2500"), {name: "point", advance: time.Second}, late(cashOf(ledger.Deposit, "EUR", "5000")),
				orderOf("b", stockABC, "1", "50"), cashOf(ledger.Fee, "USD", "-105"), orderOf("a", stockABC, "1", "50")}},
		// The shares come now, but behind a trade that is told to be of now too. The mark is 100, and 80 once they came.
		"a late transfer of now adjusts the mark by the point before it": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "100000"), markOf(stockXYZ, "100"), {name: "point", advance: time.Second}, tradeOf(stockXYZ, "500", "100"),
				moveOf("come", stockXYZ, "100", "100", "100", 3*time.Second), markOf(stockXYZ, "50"), orderOf("a", stockABC, "1", "50")}},
		"a put spread in a cash account does not need the whole strike": {cashAccount,
			[]step{cashOf(ledger.Deposit, "USD", "5000"), tradeOf(put100, "1", "3"), markOf(stockXYZ, "100"), markOf(put100, "3"),
				markOf(put95, "2"), orderOf("a", put95, "-1", "2")}},
		"a call spread in a cash account needs the difference of the strikes": {cashAccount,
			[]step{cashOf(ledger.Deposit, "USD", "700"), tradeOf(call105, "1", "3"), markOf(stockXYZ, "100"), markOf(call105, "3"),
				markOf(call95, "6"), orderOf("a", call95, "-1", "6")}},
		"a purchase that reduces misses the rate of cash beside a short option": {func(*risk.Limits) {},
			[]step{tradeOf(stockXYZ, "-100", "95"), tradeOf(putMCL, "-1", "1.9"), markOf(stockXYZ, "95"), cashOf(ledger.Dividend, "EUR", "200"),
				orderOf("a", stockXYZ, "100", "0")}},
		"trading is resumed without the mark of an order that works": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "100000"), markOf(stockXYZ, "100"), orderOf("a", stockXYZ, "1", "100"), markOf(stockXYZ, "0"),
				{name: "resume"}}},
		// The shares that are short cover the put until they are bought back, which may happen.
		"a purchase of shares in a cash account takes the cover of a short put": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "20000"), markOf(stockXYZ, "100"), markOf(put95, "2"), tradeOf(stockXYZ, "-100", "100"),
				tradeOf(put95, "-1", "2"), {name: "limits", limits: loose(cashAccount)}, orderOf("a", stockXYZ, "150", "100")}},
		// 2,400 are lost, and 3,105 are margin.
		"what a future has lost is no cash to buy with": {cashAccount,
			[]step{cashOf(ledger.Deposit, "USD", "30000"), tradeOf(future, "3", "77"), markOf(future, "69"), markOf(stockXYZ, "100"),
				orderOf("a", stockXYZ, "245", "100")}},
		// 10,800 have settled. Without the long put the short one needs 9,500, and futures take 3,150.
		"a spread is not opened up with the margin of futures": {cashAccount,
			[]step{cashOf(ledger.Deposit, "USD", "11000"), markOf(stockXYZ, "100"), markOf(put95, "5"), markOf(put100, "2"), markOf(future, "70"),
				tradeOf(put100, "1", "2"), tradeOf(put95, "-1", "5"), tradeOf(future, "3", "70"), orderOf("a", put100, "-1", "2")}},
		// Nothing tells what the purchase takes, whose contract has no mark any more.
		"a spread is not opened up beside a purchase at a price that nothing tells": {cashAccount,
			[]step{cashOf(ledger.Deposit, "USD", "11000"), markOf(stockXYZ, "100"), markOf(put95, "5"), markOf(put100, "2"), markOf(stockABC, "50"),
				tradeOf(put100, "1", "2"), tradeOf(put95, "-1", "5"), orderOf("b", stockABC, "100", "0"), markOf(stockABC, "0"),
				orderOf("a", put100, "-1", "2")}},
		// What was bought for 400.50 EUR was sold for as much: no euro is left, whatever the age of the rate.
		"a currency of which nothing is left needs no rate": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "30000"), euro("1.25"), tradeOf(putSAP, "1", "4"), tradeOf(putSAP, "-1", "4"),
				{name: "advance", advance: 2 * time.Hour}, markOf(stockABC, "50"), orderOf("a", stockABC, "1", "50")}},
		"a loss by old marks is not told": {func(l *risk.Limits) { l.DailyLoss = risk.Limit{Amount: dec("700")} },
			[]step{cashOf(ledger.Deposit, "USD", "100000"), {name: "point", advance: time.Second}, tradeOf(stockXYZ, "100", "100"),
				markOf(stockXYZ, "90"), markOf(stockABC, "50"), {name: "advance", advance: time.Hour}, markOf(stockABC, "50"), orderOf("a", stockABC, "1", "50")}},
		"a quantity beyond its limit is refused, whatever the marks": {func(l *risk.Limits) { l.OrderQuantity = dec("50") },
			[]step{cashOf(ledger.Deposit, "USD", "100000"), orderOf("a", stockABC, "100", "50")}},
		"an option on a future that is paid for takes no cash": {cashAccount,
			[]step{cashOf(ledger.Deposit, "USD", "1000"), tradeOf(callMCL, "1", "3"), markOf(callMCL, "3"), markOf(stockABC, "50"),
				orderOf("a", stockABC, "10", "50")}},
		"a missing rate leaves the order undecided": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "100000"), markOf(putSAP, "3"), orderOf("a", putSAP, "-1", "3")}},
		// Nothing tells what EUR are worth, but the order what it costs.
		"an option that is bought back in a currency without a rate needs no mark": {func(*risk.Limits) {},
			[]step{moveOf("come", putSAP, "-2", "3.89", "0", 0), orderOf("a", putSAP, "1", "4.3")}},
		"an old mark of the option, and none of its underlying": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "100000"), markOf(call95, "6"), {name: "advance", advance: time.Hour}, orderOf("a", call95, "-1", "6")}},
		"a share sold short with less than 2,000 USD of equity": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "1999"), markOf(stockXYZ, "100"), orderOf("a", stockXYZ, "-1", "100")}},
		"a fund sold short": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "100000"), markOf(fund, "20"), markOf(stockABC, "50"), tradeOf(fund, "-50", "20"), orderOf("a", stockABC, "1", "50")}},
		"a deposit in a foreign currency in a drawdown": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "100000"), euro("1.25"), {name: "point", advance: time.Second}, tradeOf(stockXYZ, "500", "100"), markOf(stockXYZ, "50"),
				cashOf(ledger.Deposit, "EUR", "100000"), markOf(stockABC, "50"), orderOf("a", stockABC, "1", "50")}},
		"a fill that is cancelled": {func(*risk.Limits) {},
			[]step{cashOf(ledger.Deposit, "USD", "100000"), markOf(stockXYZ, "100"), orderOf("a", stockXYZ, "100", "100"),
				{name: "fill", id: "a", part: 4, price: dec("100")}, {name: "cancel"}, orderOf("b", stockXYZ, "1", "100")}},
	} {
		steps := append([]step{{name: "limits", limits: loose(c.limit)}}, c.steps...)
		require.Empty(t, play(t, steps, newCoverage()), name)
	}
}
