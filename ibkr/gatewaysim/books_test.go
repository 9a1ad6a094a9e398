package gatewaysim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// cashOf returns the ledger's cash of an account by currencies, and the sum of BASE.
func (b *bench) cashOf(account string) map[string]float64 {
	b.t.Helper()
	out := map[string]float64{}
	for currency, row := range b.get("/portfolio/" + account + "/ledger").(map[string]any) {
		out[currency] = row.(map[string]any)["cashbalance"].(float64)
	}
	return out
}

// positions returns the first page of an account's positions as they are now.
func (b *bench) positions(account string) any {
	b.t.Helper()
	b.ask("POST", "/portfolio/"+account+"/positions/invalidate", "")
	return b.get("/portfolio/" + account + "/positions/0")
}

func TestFillsInParts(t *testing.T) {
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Liquidity: dec("4")})
	require.NoError(t, err)
	b := open(t, func(c *gatewaysim.Config) { c.Market = m }).ready()
	b.place(first, "a", "BUY", "6", "100")
	b.place(second, "b", "BUY", "3", "100")
	filled := func() []string {
		return []string{b.truth(first).Orders[0].Filled.String(), b.truth(second).Orders[0].Filled.String()}
	}
	require.Equal(t, []string{"4", "0"}, filled(), "the order that came first has all that there is")
	row := rows(b.get("/iserver/account/orders"), "orders")[0]
	require.Equal(t, []any{"Submitted", 4.0, 2.0, "4/6"}, []any{row["status"], row["filledQuantity"], row["remainingQuantity"], row["sizeAndFills"]})
	require.NoError(t, m.SetPrice(b.spy, dec("99")))
	require.Equal(t, []string{"6", "2"}, filled())
	require.NoError(t, m.SetPrice(b.spy, dec("101")))
	require.Equal(t, []string{"6", "2"}, filled(), "the limit is not reached")
	require.Len(t, b.truth(first).Executions, 2)
}

func TestShortAndFlat(t *testing.T) {
	b := open(t, nil).ready()
	b.place(first, "a", "BUY", "10", "100")
	require.NoError(t, b.Market().SetPrice(b.spy, dec("110")))
	b.place(first, "b", "SELL", "15", "110")
	truth := b.truth(first)
	require.Len(t, truth.Positions, 1)
	require.Equal(t, []string{"-5", "110"}, []string{truth.Positions[0].Quantity.String(), truth.Positions[0].Average.String()})
	require.Equal(t, "25648", truth.Cash["USD"].String(), "25000 - 1000 - 1 + 1650 - 1")
	b.place(first, "c", "BUY", "5", "110")
	require.Empty(t, b.truth(first).Positions)
	row := rows(b.positions(first), "")[0]
	require.Equal(t, []any{0.0, 100.0}, []any{row["position"], row["realizedPnl"]}, "what was closed today is listed")
	b.Market().Advance(24 * time.Hour)
	b.LogIn()
	b.ready()
	require.Empty(t, b.positions(first), "and not the next day")
	settled := b.get("/portfolio/" + first + "/ledger").(map[string]any)["USD"].(map[string]any)["settledcash"]
	require.Equal(t, 25097.0, settled)
}

// What an open future has gained is cash, and a trade in it moves no more than its commission.
func TestFutures(t *testing.T) {
	b := open(t, nil).ready()
	es, err := b.Market().Add(gatewaysim.Contract{SecType: "FUT", Symbol: "ES", Underlying: b.spy, Expiry: 20261218, Multiplier: dec("50")})
	require.NoError(t, err)
	require.NoError(t, b.Market().SetPrice(es.ConID, dec("6000")))
	_, err = b.PlaceExternal(gatewaysim.External{Account: first, ConID: es.ConID, Quantity: dec("2")})
	require.NoError(t, err)
	require.InDelta(t, 25000-4.5, b.cashOf(first)["USD"], 1e-9)
	require.NoError(t, b.Market().SetPrice(es.ConID, dec("6010")))
	require.InDelta(t, 25000-4.5+1000, b.cashOf(first)["USD"], 1e-9)
	_, err = b.PlaceExternal(gatewaysim.External{Account: first, ConID: es.ConID, Quantity: dec("-2"), Limit: dec("6010"), GTC: true, Ref: "out"})
	require.NoError(t, err)
	require.Equal(t, "25991", b.truth(first).Cash["USD"].String())
	require.True(t, b.truth(first).Orders[0].Elsewhere)
	require.Equal(t, "otheruser", rows(b.get("/iserver/account/trades"), "")[0]["submitter"])
}

func TestCurrencies(t *testing.T) {
	b := open(t, nil).ready()
	m := b.Market()
	require.NoError(t, m.SetRate("EUR", dec("1.25")))
	require.Error(t, m.SetRate("USD", dec("2")))
	sap, err := m.Add(gatewaysim.Contract{SecType: "STK", Symbol: "SAP", Currency: "EUR", Exchange: "IBIS", Abroad: true})
	require.NoError(t, err)
	require.NoError(t, m.SetPrice(sap.ConID, dec("200")))
	require.NoError(t, b.Deposit(first, "EUR", dec("1000")))
	require.ErrorIs(t, b.Deposit(first, "JPY", dec("1")), gatewaysim.ErrUnknown)
	require.ErrorIs(t, b.Deposit("U1", "USD", dec("1")), gatewaysim.ErrUnknown)
	_, err = b.PlaceExternal(gatewaysim.External{Account: first, ConID: sap.ConID, Quantity: dec("10")})
	require.NoError(t, err)
	require.Equal(t, map[string]float64{"USD": 25000, "EUR": -1001, "BASE": 25000 - 1001*1.25}, b.cashOf(first))
	eur := b.get("/portfolio/" + first + "/ledger").(map[string]any)["EUR"].(map[string]any)
	require.Equal(t, []any{1.25, 2000.0, 999.0}, []any{eur["exchangerate"], eur["stockmarketvalue"], eur["netliquidationvalue"]})
	require.Equal(t, 0.8, b.get("/iserver/exchangerate?source=USD&target=EUR").(map[string]any)["rate"])
	status, _ := b.try("GET", "/iserver/exchangerate?source=USD&target=JPY", "")
	require.Equal(t, 400, status)
}

// A correction replaces its execution under the same id with a higher last part, and the books follow.
func TestCorrections(t *testing.T) {
	b := open(t, nil).ready()
	b.place(first, "a", "BUY", "10", "100")
	before := b.truth(first).Executions[0]
	after, err := b.Correct(before.ID, dec("8"), dec("99"), dec("1.5"))
	require.NoError(t, err)
	require.Equal(t, before.ID[:len(before.ID)-1]+"2", after)
	truth := b.truth(first)
	require.Len(t, truth.Executions, 1)
	require.Equal(t, []any{after, "8", before.Time}, []any{truth.Executions[0].ID, truth.Executions[0].Quantity.String(), truth.Executions[0].Time})
	require.Equal(t, "24206.5", truth.Cash["USD"].String(), "25000 - 792 - 1.5")
	require.Equal(t, "8", truth.Positions[0].Quantity.String())
	require.Len(t, rows(b.get("/iserver/account/trades"), ""), 2, "both are listed")
	_, err = b.Correct(before.ID, dec("8"), dec("99"), dec("1"))
	require.Error(t, err, "it was corrected before")
	_, err = b.Correct(after, dec("11"), dec("99"), dec("1"))
	require.Error(t, err, "more than the order")
	_, err = b.Correct("x", dec("1"), dec("1"), dec("1"))
	require.ErrorIs(t, err, gatewaysim.ErrUnknown)
}

// A commission that comes late is neither in the row nor taken from the cash until then.
func TestLateCommissions(t *testing.T) {
	for form, want := range map[gatewaysim.PendingCommission]any{gatewaysim.PendingAbsent: nil, gatewaysim.PendingEmpty: "", gatewaysim.PendingMinusOne: "-1"} {
		m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{CommissionDelay: time.Minute})
		require.NoError(t, err)
		b := open(t, func(c *gatewaysim.Config) { c.Market, c.PendingCommission = m, form }).ready()
		b.place(first, "a", "BUY", "10", "100")
		row := func() map[string]any { return rows(b.get("/iserver/account/trades"), "")[0] }
		value, found := row()["commission"]
		require.Equal(t, []any{want, want != nil}, []any{value, found}, "%q", form)
		require.Equal(t, "24000", b.truth(first).Cash["USD"].String())
		m.Advance(time.Minute)
		require.Equal(t, "1", row()["commission"])
		require.Equal(t, "23999", b.truth(first).Cash["USD"].String())
	}
}

func TestLiquidation(t *testing.T) {
	b := open(t, nil).ready()
	require.NoError(t, b.SetPosition(first, b.spy, dec("10"), dec("95")))
	require.ErrorIs(t, b.SetPosition(first, 1, dec("10"), dec("95")), gatewaysim.ErrUnknown)
	exec, err := b.Liquidate(first, b.spy, dec("-10"), dec("94"))
	require.NoError(t, err)
	_, err = b.Liquidate("U1", b.spy, dec("-10"), dec("94"))
	require.ErrorIs(t, err, gatewaysim.ErrUnknown)
	row := rows(b.get("/iserver/account/trades"), "")[0]
	require.Equal(t, []any{exec, "1", "SLD"}, []any{row["execution_id"], row["liquidation_trade"], row["side"]})
	require.NotContains(t, row, "order_ref")
	require.Empty(t, b.truth(first).Positions)
}

// Positions are those of the last time that they were asked for, until they are invalidated, or five minutes
// later. The other route tells what is so now.
func TestKeptPositions(t *testing.T) {
	b := open(t, nil).ready()
	count := func() [2]int {
		t.Helper()
		return [2]int{len(rows(b.get("/portfolio/"+first+"/positions/0"), "")), len(rows(b.get("/portfolio2/"+first+"/positions"), ""))}
	}
	require.Equal(t, [2]int{0, 0}, count())
	require.NoError(t, b.SetPosition(first, b.spy, dec("1"), dec("100")))
	require.Equal(t, [2]int{0, 1}, count())
	b.Market().Advance(5*time.Minute - 1)
	require.Equal(t, [2]int{0, 1}, count())
	b.Market().Advance(1)
	require.Equal(t, [2]int{1, 1}, count())
	qqq, err := b.Market().Stock("QQQ", dec("100"))
	require.NoError(t, err)
	require.NoError(t, b.SetPosition(first, qqq.ConID, dec("1"), dec("100")))
	require.Equal(t, [2]int{1, 2}, count())
	require.Len(t, b.positions(first), 2)
}

// Positions come in pages of a hundred, and segments have rows of their own.
func TestPages(t *testing.T) {
	b := open(t, nil).ready()
	for n := range 150 {
		c, err := b.Market().Stock(fmt.Sprintf("S%d", n), dec("10"))
		require.NoError(t, err)
		require.NoError(t, b.SetPosition(first, c.ConID, dec("1"), dec("9")))
	}
	seen := map[any]bool{}
	for n, want := range []int{100, 50, 0} {
		page := rows(b.get(fmt.Sprintf("/portfolio/%s/positions/%d", first, n)), "")
		require.Len(t, page, want, "page %d", n)
		for _, row := range page {
			seen[row["conid"]] = true
		}
	}
	require.Len(t, seen, 150)
	require.Len(t, rows(b.get("/portfolio2/"+first+"/positions"), ""), 150)
	require.NoError(t, b.SetPosition(first, b.spy, dec("1"), dec("9")))
	require.NoError(t, b.SetPosition(second, b.spy, dec("2"), dec("9")))
	all := b.get(fmt.Sprintf("/portfolio/positions/%d", b.spy)).(map[string]any)
	require.Len(t, all, 3)
	require.Equal(t, first+"C", rows(all[first+"C"], "")[0]["acctId"])
}
