package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

func TestParseDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "1.500": "1.5", "+7": "7", "-417.550236809": "-417.550236809", "0.0000000000000000001": "0.0000000000000000001",
		"999999999999999.9999": "999999999999999.9999",
	} {
		got, err := ledger.ParseDecimal(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got.String(), in)
	}
	for _, in := range []string{"", " ", "NaN", "nan", "Inf", "-Inf", "+", "-", ".", "1.", ".5", "1e3", "1E-2", "0x10", "1,000", "1_000", "1 ", " 1",
		"--1", "1.2.3", "٣", "1.00000000000000000001", "1000000000000000", "-1000000000000000", strings.Repeat("9", 40), strings.Repeat("1", 300)} {
		_, err := ledger.ParseDecimal(in)
		require.ErrorIs(t, err, accounts.ErrInvalidDecimal, "%.40q was read", in)
	}
}

// TestRefusedFacts records facts that no book can accept beside a good one: a clear error, and nothing at all is recorded.
func TestRefusedFacts(t *testing.T) {
	change := func(f func(*ledger.Trade)) ledger.Trade {
		tr := trade(1, xyz, "10", "10")
		f(&tr)
		return tr
	}
	wide := udecimal.MustParse("0.0000000001") // 10 places
	for name, c := range map[string]struct {
		fact ledger.Fact
		want error
		says string
	}{
		"no fact":                       {nil, accounts.ErrInvalid, "nil"},
		"zero quantity":                 {change(func(tr *ledger.Trade) { tr.Quantity = dec("0") }), accounts.ErrInvalid, "Quantity is zero"},
		"no execution id":               {change(func(tr *ledger.Trade) { tr.ExecID = "" }), accounts.ErrInvalid, "ExecID"},
		"an execution id with newlines": {change(func(tr *ledger.Trade) { tr.ExecID = "a\nb" }), accounts.ErrInvalid, "ExecID"},
		"a negative price":              {change(func(tr *ledger.Trade) { tr.Price = dec("-1") }), accounts.ErrInvalid, "Price"},
		"an unknown kind":               {change(func(tr *ledger.Trade) { tr.Kind = "gift" }), accounts.ErrInvalid, "Kind"},
		"no time":                       {change(func(tr *ledger.Trade) { tr.Time = time.Time{} }), accounts.ErrInvalid, "Time"},
		"a time in the future":          {change(func(tr *ledger.Trade) { tr.Time = now.Add(6 * time.Minute) }), accounts.ErrFutureTime, "future"},
		"an oversized quantity":         {change(func(tr *ledger.Trade) { tr.Quantity = udecimal.MustParse("1000000000000000") }), accounts.ErrInvalid, "Quantity"},
		"an oversized price":            {change(func(tr *ledger.Trade) { tr.Price = udecimal.MustParse(strings.Repeat("9", 30)) }), accounts.ErrInvalid, "Price"},
		"an oversized product":          {change(func(tr *ledger.Trade) { tr.Quantity, tr.Price = dec("999999999999"), dec("9999999") }), accounts.ErrInexact, "1e18"},
		"a product that loses places":   {change(func(tr *ledger.Trade) { tr.Quantity, tr.Price = wide, wide }), accounts.ErrInexact, "19 places"},
		"a rate below zero":             {change(func(tr *ledger.Trade) { tr.FXRate = dec("-1") }), accounts.ErrInvalid, "FXRate"},
		"commission in another currency": {change(func(tr *ledger.Trade) { tr.CommissionCurrency = "EUR" }),
			accounts.ErrCurrencyMismatch, "EUR"},
		"an instrument without terms": {change(func(tr *ledger.Trade) {
			tr.Instrument = ledger.Instrument{SecType: ledger.Option, Symbol: "X", Currency: "usd"}
		}),
			accounts.ErrInvalid, "Currency"},
		"a future without multiplier": {change(func(tr *ledger.Trade) {
			tr.Instrument = ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20261120}
		}),
			accounts.ErrInvalid, "Multiplier"},
		"a pointer to nothing":       {(*ledger.Trade)(nil), accounts.ErrInvalid, "*ledger.Trade"},
		"cash without an id":         {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Amount: dec("1"), Time: at(1)}, accounts.ErrInvalid, "ID"},
		"a split without an id":      {ledger.Split{From: xyz, To: xyz, Numerator: dec("2"), Denominator: dec("1"), Time: at(1)}, accounts.ErrInvalid, "ID"},
		"an opening without id":      {ledger.Opening{Instrument: xyz, Time: at(1), Lots: []ledger.Lot{{Quantity: dec("1"), OpenedAt: at(1)}}}, accounts.ErrInvalid, "ID"},
		"proceeds of the wrong sign": {change(func(tr *ledger.Trade) { tr.Proceeds = dec("100") }), accounts.ErrInvalid, "Proceeds"},
		"lots opened after their balance": {ledger.Opening{ID: "o", Instrument: xyz, Time: at(1),
			Lots: []ledger.Lot{{Quantity: dec("1"), OpenedAt: at(2)}}}, accounts.ErrInvalid, "OpenedAt"},
		"lots opened after the end of time": {ledger.Opening{ID: "o", Instrument: xyz, Time: at(1), Lots: []ledger.Lot{{Quantity: dec("1"),
			OpenedAt: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -5*3600))}}}, accounts.ErrInvalid, "OpenedAt"},
		"an absurd equity point": {ledger.EquityPoint{Time: at(1), Equity: udecimal.MustParse(strings.Repeat("9", 150))}, accounts.ErrInvalid, "Equity"},
		"no cash":                {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Time: at(1)}, accounts.ErrInvalid, "Amount is zero"},
		"a negative deposit":     {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Amount: dec("-1"), Time: at(1)}, accounts.ErrInvalid, "deposit"},
		"a positive withdrawal":  {ledger.CashMovement{Kind: ledger.Withdrawal, Currency: "USD", Amount: dec("1"), Time: at(1)}, accounts.ErrInvalid, "withdrawal"},
		"cash in no currency":    {ledger.CashMovement{Kind: ledger.Deposit, Currency: "Dollar", Amount: dec("1"), Time: at(1)}, accounts.ErrInvalid, "Currency"},
		"a long note":            {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Amount: dec("1"), Note: strings.Repeat("x", 501), Time: at(1)}, accounts.ErrInvalid, "Note"},
		"a split by nothing":     {ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("2"), Time: at(1)}, accounts.ErrInvalid, "Denominator"},
		"a split into euros": {ledger.Split{ID: "s", From: xyz, To: ledger.NewStock("XYZ", "EUR"), Numerator: dec("1"), Denominator: dec("1"), Time: at(1)},
			accounts.ErrCurrencyMismatch, "EUR"},
		"an opening without lots": {ledger.Opening{Instrument: xyz, Time: at(1)}, accounts.ErrInvalid, "Lots"},
		"lots of both signs": {ledger.Opening{Instrument: xyz, Time: at(1), Lots: []ledger.Lot{
			{Quantity: dec("1"), OpenedAt: at(1)}, {Quantity: dec("-1"), OpenedAt: at(1)}}}, accounts.ErrInvalid, "Lots[1]"},
		"a cancellation of nothing":  {ledger.Cancellation{ExecID: "c", Time: at(1)}, accounts.ErrInvalid, "Cancels"},
		"an equity point at no time": {ledger.EquityPoint{}, accounts.ErrInvalid, "Time"},
		"an opening of a money pair": {ledger.Opening{Instrument: ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}, Time: at(1),
			Lots: []ledger.Lot{{Quantity: dec("1"), OpenedAt: at(1)}}}, accounts.ErrInvalid, "currency pair"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.portfolio.Record(t.Context(), trade(9, xyz, "1", "1"), c.fact)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says, "the error must say what is wrong")
			require.Zero(t, b.portfolio.Seq(), "nothing may be recorded, the good fact included")
			require.Empty(t, readAll(t, b.store, b.profile.ID))
		})
	}
}

func TestEveryWrongFieldIsNamedAtOnce(t *testing.T) {
	b := newBench(t)
	_, err := b.portfolio.Record(t.Context(), ledger.Trade{Kind: "gift", Price: dec("-1"), Instrument: xyz})
	var invalid *accounts.ValidationError
	require.ErrorAs(t, err, &invalid)
	var fields []string
	for _, f := range invalid.Fields {
		fields = append(fields, f.Name)
	}
	require.Equal(t, []string{"ExecID", "Kind", "Quantity", "Price", "Time"}, fields)
}

func TestReconcileNamesBreaks(t *testing.T) {
	b := newBench(t)
	b.record(t, trade(1, xyz, "10", "10"), trade(2, xyz, "-4", "12"), trade(3, call, "1", "2"), trade(4, oil, "1", "60"),
		ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("1000"), Time: at(0)})
	basis, other, mark := dec("60.6"), dec("1"), dec("61")
	statement := reconcile.Statement{
		Closings:     []reconcile.Closing{{ExecID: "exec-2", Instrument: xyz, Quantity: dec("-4"), Realized: dec("6.61")}},
		Positions:    []reconcile.Position{{Instrument: xyz, Quantity: dec("6"), Basis: &basis}, {Instrument: call, Quantity: dec("1")}, {Instrument: oil, Quantity: dec("1"), Mark: &mark}},
		AllPositions: true,
		Cash:         []reconcile.Cash{{Currency: "USD", Balance: dec("1744")}},
	}
	result, err := b.portfolio.Reconcile(t.Context(), statement)
	require.NoError(t, err)
	require.Empty(t, result.Breaks, "6.6 against 6.61 is within 0.01 per share, and the future's 999 are settled daily")
	require.Empty(t, result.Unchecked)
	require.Equal(t, 6, result.Compared)

	statement.Closings[0].Realized = dec("6.65")
	statement.Closings = append(statement.Closings, reconcile.Closing{ExecID: "unknown", Instrument: xyz, Quantity: dec("1")})
	statement.Positions = []reconcile.Position{{Instrument: xyz, Quantity: dec("7"), Basis: &other}, {Instrument: put, Quantity: dec("-1")}}
	statement.Cash = append(statement.Cash, reconcile.Cash{Currency: "EUR", Balance: dec("0.02")}, reconcile.Cash{Currency: "GBP", Balance: dec("5"), Partial: true})
	result, err = b.portfolio.Reconcile(t.Context(), statement)
	require.NoError(t, err)
	var breaks []string
	for _, br := range result.Breaks {
		breaks = append(breaks, br.String())
	}
	require.Equal(t, []string{
		"STK:XYZ:USD execution exec-2: realized is 6.6, the broker says 6.65 (-0.05 off)",
		"STK:XYZ:USD: quantity is 6, the broker says 7 (-1 off)",
		"STK:XYZ:USD: cost_basis is 60.6, the broker says 1 (59.6 off)",
		"OPT:XYZ:20260320:P:50:100:USD: quantity is 0, the broker says -1 (1 off)",
		"FUT:CL:20261120:1000:USD: quantity is 1, the broker says 0 (1 off)",
		"OPT:XYZ:20260320:C:50:100:USD: quantity is 1, the broker says 0 (1 off)",
		"EUR: cash is 0, the broker says 0.02 (-0.02 off)",
	}, breaks)
	require.Len(t, result.Unchecked, 3, "an unknown execution, dollars with a future unmarked, and pounds without movements: %v", result.Unchecked)

	statement.Tolerance = dec("100")
	result, err = b.portfolio.Reconcile(t.Context(), statement)
	require.NoError(t, err)
	require.Len(t, result.Breaks, 4, "quantities alone have no tolerance")
}

func TestCheckpointSparesTheJournal(t *testing.T) {
	b := newBench(t)
	for i := range 1100 {
		q := "1"
		if i%2 == 1 {
			q = "-1"
		}
		b.record(t, trade(i, xyz, q, "10"))
	}
	c, err := b.store.Checkpoint(t.Context(), b.profile.ID)
	require.NoError(t, err, "a checkpoint must have been saved by itself")
	require.Equal(t, int64(1024), c.Seq)

	counting := &damagedStore{Store: b.store}
	read := 0
	counting.damage = func(*accounts.Entry) bool { read++; return true }
	open := func() *accounts.Portfolio {
		read = 0
		p, err := newManagerOn(t, counting).Portfolio(t.Context(), b.profile.ID)
		require.NoError(t, err)
		require.Equal(t, figures(b.portfolio), figures(p))
		return p
	}
	open()
	require.LessOrEqual(t, read, 1100-1024+2, "only the tail may be read, and the entry that confirms the checkpoint")

	for name, damage := range map[string]func(*accounts.Checkpoint){
		"damaged":                         func(c *accounts.Checkpoint) { c.State[50] ^= 1 },
		"empty":                           func(c *accounts.Checkpoint) { c.State = nil },
		"of a journal that is not theirs": func(c *accounts.Checkpoint) { c.Hash[0] ^= 1 },
	} {
		bad := c
		bad.State = append([]byte(nil), c.State...)
		damage(&bad)
		require.NoError(t, b.store.SaveCheckpoint(t.Context(), bad))
		open()
		require.GreaterOrEqual(t, read, 1100, "a checkpoint that is %s must not be trusted", name)
	}
}
