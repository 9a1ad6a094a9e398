package exposure_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// A trade of before a point, told after the point, and then corrected: the point never contained it.
func TestLateThenCorrected(t *testing.T) {
	for _, price := range []string{"1000", "10"} {
		d := desktest.NewDesk(t, falling)
		d.Hold(t, xyz, "500", "100")
		d.Mark(t, abc, "100")
		d.EquityPoint(t)
		d.Advance(time.Hour)
		d.Mark(t, xyz, "100")
		at := d.Now()
		d.Advance(time.Hour)
		d.Mark(t, xyz, "100")
		d.EquityPoint(t) // 100,000, without the trade
		d.Advance(time.Minute)
		late := execution(d, 1, 1, "", "100", price, 0)
		late.Instrument, late.Time = abc, at
		d.Record(t, late)
		late.ExecID, late.Price = "0001.0001.01.02", dec("100")
		d.Record(t, late)
		d.Mark(t, xyz, "100")
		d.Mark(t, abc, "100")
		s := d.Portfolio.Snapshot()
		if s.HighWater.String() != "100000" || s.Risk.DayLoss.String() != "0" {
			t.Errorf("price %s: high %s drawdown %s day loss %s", price, s.HighWater, s.Risk.Drawdown, s.Risk.DayLoss)
		}
	}
}

// A point dated tomorrow, at most 5 min ahead or after the zone moved west: the deposit is counted twice and
// every Reserve writes a point.
func TestPendingBehindANewerDate(t *testing.T) {
	d := desktest.NewDesk(t, falling)
	d.Hold(t, xyz, "500", "100")
	zone, _ := time.LoadLocation("America/New_York")
	n := d.Now().In(zone)
	midnight := time.Date(n.Year(), n.Month(), n.Day()+1, 0, 0, 0, 0, zone)
	d.Advance(midnight.Add(-2 * time.Minute).Sub(d.Now()))
	d.Mark(t, xyz, "100")
	require.NoError(t, d.Portfolio.RecordEquity(t.Context(), midnight.Add(time.Minute)))
	d.Advance(time.Second)
	d.Mark(t, xyz, "100")
	d.Accept(t, order("o1", xyz, "1"))
	d.Advance(time.Second)
	d.Cash(t, ledger.Deposit, "USD", "100000")
	seq := d.Portfolio.Seq()
	for i := range 4 {
		d.Advance(time.Second)
		d.Mark(t, xyz, "100")
		d.Accept(t, order(ledger.OrderID("abcd"[i:i+1]), xyz, "1"))
	}
	require.LessOrEqual(t, d.Portfolio.Seq()-seq, int64(6), "one point settles it: four holds, a point, perhaps a warning")
	s := d.Portfolio.Snapshot()
	require.Equal(t, risk.TradingActive, s.Risk.State)
	require.Equal(t, "0", s.Risk.Drawdown.String())
}

type hooked struct {
	accounts.Store
	do func()
}

func (h *hooked) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	if h.do != nil {
		h.do()
	}
	return h.Store.Entries(ctx, id, after)
}

// The rate moves between two tries of one command: a foreign deposit beside a correction.
func TestRateMovesBetweenTries(t *testing.T) {
	d := desktest.NewDesk(t, falling)
	h := &hooked{Store: d.Store}
	d.Store = h
	d.Restart(t)
	d.Rate(t, "EUR", "1.1")
	d.Hold(t, xyz, "500", "100")
	d.EquityPoint(t)
	tr := execution(d, 1, 1, "", "-100", "100", 0)
	d.Record(t, tr)
	d.Advance(time.Minute)
	d.Mark(t, xyz, "100")
	d.Rate(t, "EUR", "1.1")
	tr.ExecID, tr.Price = "0001.0001.01.02", dec("101")
	n := 0
	h.do = func() {
		n++
		d.Advance(time.Millisecond)
		_ = d.Portfolio.MarkFX(ledger.FXRate{Currency: "EUR", Rate: dec("1.1").Add(dec("0.1").Mul(ledger.Decimal(desktest.Dec([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}[n%10])))), Time: d.Now()})
	}
	_, err := d.Portfolio.Record(t.Context(), ledger.CashMovement{ID: "eur", Kind: ledger.Deposit, Currency: "EUR", Amount: dec("1000"), Time: d.Now()}, tr)
	require.NoError(t, err)
	h.do = nil
	var m ledger.CashMovement
	d.LastEntry(t, ledger.KindCash, &m)
	s := d.Portfolio.Snapshot()
	want := dec("100000").Add(m.MarketRate.Mul(dec("1000")))
	require.Equal(t, want.String(), s.Capital.String())
	require.NoError(t, d.Portfolio.Verify(t.Context()))
}

// The other direction: the wrong price was too low; the high-water mark falls and the limit is passed.
func TestLimitPassed(t *testing.T) {
	d := desktest.NewDesk(t, falling)
	d.Hold(t, xyz, "500", "100")
	d.Mark(t, abc, "100")
	at := d.Now()
	d.Advance(time.Hour)
	d.Mark(t, xyz, "100")
	d.EquityPoint(t) // 100,000, without the trade: the only point
	d.Advance(time.Minute)
	late := execution(d, 1, 1, "", "100", "10", 0)
	late.Instrument, late.Time = abc, at
	d.Record(t, late)
	late.ExecID, late.Price = "0001.0001.01.02", dec("400")
	d.Record(t, late) // in truth it lost 30,000
	d.Mark(t, xyz, "100")
	d.Mark(t, abc, "100")
	s := d.Portfolio.Snapshot()
	require.Equal(t, "100000", s.HighWater.String())
	_ = ledger.Deposit
}

// The broker's clock is a minute ahead: the point contains the fill, and has an earlier time.
func TestClockAhead(t *testing.T) {
	d := desktest.NewDesk(t, falling)
	d.Hold(t, xyz, "500", "100")
	d.EquityPoint(t)
	d.Advance(time.Hour)
	sale := execution(d, 1, 1, "", "-100", "1000", 0) // it was 100
	sale.Time = d.Now().Add(time.Minute)
	d.Record(t, sale)
	d.Advance(time.Second)
	d.Mark(t, xyz, "100")
	d.EquityPoint(t)
	sale.ExecID, sale.Price = "0001.0001.01.02", dec("100")
	d.Record(t, sale)
	s := d.Portfolio.Snapshot()
	require.Equal(t, "100000", s.HighWater.String())
}
