package accounts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// The positions behind an entry are those that the book had then, whatever came later.
func TestPositionsAt(t *testing.T) {
	ctx := t.Context()
	p := newBench(t).Portfolio
	want := map[int64][]ledger.Position{0: {}}
	begin := time.Date(2025, 3, 3, 14, 30, 0, 0, time.UTC)
	for i := range 40 {
		trade := ledger.Trade{ExecID: ledger.ExecID("e" + string(rune('A'+i))), Instrument: ledger.NewStock("XYZ", "USD"),
			Quantity: ledger.MustDecimal([]string{"10", "-4", "-6"}[i%3]), Price: ledger.MustDecimal("41.25"), Time: begin.Add(time.Duration(i) * time.Minute)}
		if i%7 == 6 { // a late one, which restates the book
			trade.Time = begin.Add(-time.Duration(i) * time.Minute)
		}
		_, err := p.Record(ctx, trade)
		require.NoError(t, err)
		position, _ := p.Position(trade.Contract())
		want[p.Seq()] = []ledger.Position{position}
		if i == 20 {
			require.NoError(t, p.SaveCheckpoint(ctx))
		}
	}
	for seq, positions := range want {
		got, err := p.PositionsAt(ctx, seq)
		require.NoError(t, err)
		require.Equal(t, len(positions), len(got), "behind entry %d", seq)
		for i := range positions {
			require.Equal(t, text(t, positions[i]), text(t, got[i]), "behind entry %d", seq)
		}
	}
	_, err := p.PositionsAt(ctx, p.Seq()+1)
	require.ErrorIs(t, err, accounts.ErrInvalid)
}

// CheckFacts tells what Record would, and records nothing.
func TestCheckFacts(t *testing.T) {
	ctx := t.Context()
	p := newBench(t).Portfolio
	at := time.Date(2025, 3, 3, 14, 30, 0, 0, time.UTC)
	buy := ledger.Trade{ExecID: "e1", Instrument: xyz, Quantity: ledger.MustDecimal("10"), Price: ledger.MustDecimal("41.25"), Time: at}
	split := ledger.Split{ID: "s1", From: xyz, To: xyz, Numerator: ledger.MustDecimal("2"), Denominator: ledger.MustDecimal("1"), Time: at.Add(time.Hour)}
	future, wrong := buy, buy
	future.Time, wrong.Price = now.Add(time.Hour), ledger.MustDecimal("-1")
	seq := p.Seq()
	for _, c := range []struct {
		name  string
		facts []ledger.Fact
		is    error
	}{
		{"a trade and its split", []ledger.Fact{&buy, split}, nil},
		{"a split of nothing", []ledger.Fact{split}, accounts.ErrPositionNotFound},
		{"a split before its trade", []ledger.Fact{split, buy}, accounts.ErrPositionNotFound},
		{"a trade of tomorrow", []ledger.Fact{buy, future}, accounts.ErrFutureTime},
		{"a price that cannot be", []ledger.Fact{wrong}, accounts.ErrInvalid},
		{"none", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := p.CheckFacts(ctx, slices.Values(c.facts))
			require.ErrorIs(t, err, c.is)
			require.Equal(t, seq, p.Seq())
		})
	}
	_, err := p.Record(ctx, buy, split)
	require.NoError(t, err)
	late := split
	late.ID, late.From, late.To = "s2", ledger.NewStock("ABC", "USD"), ledger.NewStock("ABC", "USD")
	before := buy
	before.ExecID, before.Time = "e0", at.Add(-time.Hour)
	require.NoError(t, p.CheckFacts(ctx, slices.Values([]ledger.Fact{before, late})), "behind a late fact the positions are not known")
	require.NoError(t, p.Verify(ctx))
}
