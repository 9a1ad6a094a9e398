package cpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// executions returns what rows become.
func executions(t *testing.T, rows ...string) []broker.Execution {
	t.Helper()
	f := newFake(t)
	f.on("GET /iserver/account/trades", always(200, tradeList(rows...)))
	out, err := f.client().Executions(t.Context(), mine, time.Now().Add(-24*time.Hour))
	require.NoError(t, err)
	require.True(t, out.Complete)
	return out.List
}

// Public sources: nautilus#4228, ibeam#182, pysystemtrade PR#1661: a commission that was not told crashed the
// reader or was kept as zero.
func TestReport21CommissionsComeLate(t *testing.T) {
	at := time.Now().Add(-time.Hour)
	for in, want := range map[string]struct {
		commission string
		pending    bool
	}{
		``: {"0", true}, `,"commission":null`: {"0", true}, `,"commission":""`: {"0", true}, `,"commission":"-1"`: {"0", true}, `,"commission":-1.0`: {"0", true},
		`,"commission":"1.7976931348623157E308"`: {"0", true}, `,"commission":"1.01"`: {"1.01", false}, `,"commission":"0"`: {"0", false},
		`,"commission":-0.35`: {"-0.35", false}, `,"commission":"1,234.5"`: {"1234.5", false},
	} {
		e := executions(t, tradeRow("0001.01.01.01", mine, "a", at, in))
		require.Len(t, e, 1, in)
		require.Equal(t, want.commission, e[0].Trade.Commission.String(), in)
		require.Equal(t, want.pending, e[0].Trade.CommissionPending, in)
	}
	told := executions(t, tradeRow("0001.01.01.01", mine, "a", at, ""), tradeRow("0001.01.01.01", mine, "a", at, `,"commission":"1"`), tradeRow("0001.01.01.01", mine, "a", at, ""))
	require.Len(t, told, 1, "one execution, once")
	require.False(t, told[0].Trade.CommissionPending, "the row with the commission is the newer one")
}

// Public source: ib_insync#364: a correction was added to the execution that it replaces.
func TestReport22CorrectionsReplace(t *testing.T) {
	at := time.Now().Add(-time.Hour)
	e := executions(t, tradeRow("0001.01.01.02", mine, "a", at, ""), tradeRow("0001.01.01.01", mine, "a", at, `,"commission":"1"`), tradeRow("0001.01.02.01", mine, "a", at, ""))
	require.Len(t, e, 2)
	require.Equal(t, ledger.ExecID("0001.01.01.02"), e[0].Trade.ExecID)
}

// Public sources: Lean#5839, Lean.IB#136: the broker's own liquidation was ignored. It has no reference.
func TestReport15LiquidationsAreExecutions(t *testing.T) {
	e := executions(t, tradeRow("0001.01.01.01", mine, "", time.Now(), `,"liquidation_trade":"1","commission":"1"`))
	require.Len(t, e, 1)
	require.Empty(t, e[0].Ref)
}

func TestExecutions(t *testing.T) {
	at := time.Date(2026, 4, 1, 15, 4, 5, 0, time.UTC)
	f := newFake(t)
	config := f.config()
	config.Clock = func() time.Time { return at.Add(time.Hour) }
	c := f.open(config)
	f.on("GET /iserver/account/trades", always(200, tradeList(
		tradeRow("0003.01.01.01", mine, "late", at.Add(time.Minute), ""),
		fmt.Sprintf(`{"execution_id":"0001.01.01.01","account":%q,"conid":"700","side":"SLD","size":"2.0","price":1.5,"trade_time":"20260401-15:04:05","commission":"1.2"}`, mine),
		tradeRow("0002.01.01.01", mine, "before", at.Add(-time.Second), ""))))
	out, err := c.Executions(t.Context(), mine, at.Add(900*time.Millisecond))
	require.NoError(t, err)
	require.Equal(t, at, out.From, "executions are timed to the second")
	require.Equal(t, at.Add(time.Hour), out.AsOf)
	require.Len(t, out.List, 2)
	first := out.List[0]
	require.Equal(t, broker.Execution{Account: mine, Trade: ledger.Trade{ExecID: "0001.01.01.01", Kind: ledger.Execution, Instrument: first.Trade.Instrument,
		Quantity: dec("-2"), Price: dec("1.5"), Commission: dec("1.2"), Time: at}}, first)
	require.Equal(t, ledger.InstrumentKey("OPT:SPXW:20270115:C:5000:100:USD"), first.Trade.Instrument.Key(), "the trading class, not the ticker")
}

// IBKR goes back seven days: the answer says from when on it is complete.
func TestExecutionsGoBackSevenDays(t *testing.T) {
	now := time.Date(2026, 4, 8, 15, 0, 0, 0, time.UTC)
	f := newFake(t)
	config := f.config()
	config.Clock = func() time.Time { return now }
	c := f.open(config)
	for _, ask := range []struct {
		back, from time.Duration
		days       string
	}{{0, 0, "2"}, {time.Hour, time.Hour, "2"}, {25 * time.Hour, 25 * time.Hour, "3"}, {6 * day, 6 * day, "7"}, {30 * day, 6 * day, "7"}, {-time.Hour, -time.Hour, "2"}} {
		out, err := c.Executions(t.Context(), mine, now.Add(-ask.back))
		require.NoError(t, err)
		require.Equal(t, now.Add(-ask.from), out.From, "%s back", ask.back)
		require.False(t, out.AsOf.Before(out.From))
		asked := f.asked(func(c call) bool { return c.Path == "/iserver/account/trades" })
		require.Equal(t, ask.days, asked[len(asked)-1].r.URL.Query().Get("days"), "%s back", ask.back)
	}
}

// A row that cannot be read is an error: the execution is not known.
func TestReport08ReadingFailsIsNotNone(t *testing.T) {
	for name, row := range map[string]string{
		"no account of two": tradeRow("0001.01.01.01", "", "a", time.Now(), ""),
		"no time":           `{"execution_id":"1","account":"DU100001","conid":756733,"side":"B","size":1,"price":1}`,
		"no side":           `{"execution_id":"1","account":"DU100001","conid":756733,"side":"","size":1,"price":1,"trade_time_r":1700000000000}`,
		"no size":           `{"execution_id":"1","account":"DU100001","conid":756733,"side":"B","size":null,"price":1,"trade_time_r":1700000000000}`,
		"no contract":       `{"execution_id":"1","account":"DU100001","side":"B","size":1,"price":1,"trade_time_r":1700000000000}`,
		"unknown contract":  `{"execution_id":"1","account":"DU100001","conid":4711,"side":"B","size":1,"price":1,"trade_time_r":1700000000000}`,
		"odd price":         `{"execution_id":"1","account":"DU100001","conid":756733,"side":"B","size":1,"price":"12a","trade_time_r":1700000000000}`,
	} {
		f := newFake(t)
		f.on("GET /iserver/account/trades", always(200, tradeList(row)))
		out, err := f.client().Executions(t.Context(), mine, time.Now().Add(-time.Hour))
		if name == "no account of two" {
			require.NoError(t, err)
			require.Equal(t, []int{0, 1}, []int{len(out.List), out.Foreign})
			require.False(t, out.Complete, "the row may be the account's")
			continue
		}
		require.Error(t, err, name)
	}
}

// A login with one account alone may leave the account out of its rows.
func TestRowsOfTheOnlyAccount(t *testing.T) {
	f := newFake(t)
	f.on("GET /iserver/accounts", always(200, `{"accounts":["DU100001"]}`))
	f.on("GET /portfolio/accounts", always(200, portfolioAccounts("DU100001")))
	f.on("GET /iserver/account/trades", always(200, tradeList(tradeRow("0001.01.01.01", "", "a", time.Now(), ""))))
	out, err := f.client().Executions(t.Context(), mine, time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Len(t, out.List, 1)
}

// A combination's legs have executions of their own. What a purchase of currency costs is not known: the row does
// not name the currency of the commission.
func TestExecutionsOfOddContracts(t *testing.T) {
	e := executions(t, strings.Replace(tradeRow("0001.01.01.01", mine, "a", time.Now(), `,"sec_type":"BAG"`), `"sec_type":"STK",`, "", 1),
		tradeRow("0002.01.01.01", mine, "a", time.Now(), ""),
		strings.Replace(tradeRow("0003.01.01.01", mine, "b", time.Now(), `,"commission":"2"`), "756733", "950", 1))
	require.Len(t, e, 2)
	require.Equal(t, ledger.ExecID("0002.01.01.01"), e[0].Trade.ExecID)
	require.Equal(t, ledger.InstrumentKey("CASH:EUR:USD"), e[1].Trade.Instrument.Key())
	require.True(t, e[1].Trade.CommissionPending && e[1].Trade.Commission.IsZero())
}
