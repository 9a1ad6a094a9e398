package flex

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/store/memstore"
)

// inParts sets how many facts are recorded all or none, and how many a part has.
func inParts(whole, part int) ImportOption {
	return func(i *importer) { i.whole, i.part = whole, part }
}

// frail is a store whose appends fail from one on, having written or not.
type frail struct {
	accounts.Store
	left    int // appends until it fails; never if it is negative
	unknown bool
}

var errFrail = errors.New("the store is gone")

// Append implements accounts.Store.
func (s *frail) Append(ctx context.Context, b accounts.Batch) error {
	if len(b.Entries) == 0 || s.left < 0 {
		return s.Store.Append(ctx, b)
	}
	if s.left > 0 {
		s.left--
		return s.Store.Append(ctx, b)
	}
	if !s.unknown {
		return errors.Join(accounts.ErrUnavailable, errFrail)
	}
	if err := s.Store.Append(ctx, b); err != nil {
		return err
	}
	return errors.Join(accounts.ErrOutcomeUnknown, errFrail)
}

// book is what a portfolio tells of what was imported, without the numbers of entries.
type book struct {
	Snapshot accounts.Snapshot
	Closings []ledger.Closing
	Trades   []ledger.Trade
	Outcome  reconcile.Result
	Inferred []InferredLot
	Issues   []Issue
}

// bookOf returns the book as a text, so that equal numbers are equal.
func bookOf(t require.TestingT, p *accounts.Portfolio, plan *Plan) string {
	b := book{Snapshot: p.Snapshot(), Inferred: plan.Inferred, Issues: plan.Issues}
	b.Snapshot.Seq, b.Snapshot.Hash, b.Snapshot.ProfileID = 0, accounts.Hash{}, ""
	if b.Snapshot.Missing != nil {
		b.Snapshot.Missing.ProfileID = ""
	}
	closings, err := p.Closings(context.Background(), accounts.TradeFilter{})
	require.NoError(t, err)
	for _, c := range closings {
		b.Closings = append(b.Closings, c.Value)
	}
	for trade, err := range p.Trades(context.Background(), accounts.TradeFilter{}) {
		require.NoError(t, err)
		b.Trades = append(b.Trades, trade.Value)
	}
	b.Outcome, err = p.Reconcile(context.Background(), plan.Broker)
	require.NoError(t, err)
	require.NoError(t, p.Verify(context.Background()))
	text, err := json.MarshalIndent(b, "", " ")
	require.NoError(t, err)
	return string(text)
}

// reopened returns the profile's portfolio in another process: a manager that knows nothing but the
// store.
func reopened(t require.TestingT, store accounts.Store, id accounts.ProfileID) *accounts.Portfolio {
	m, err := accounts.New(store)
	require.NoError(t, err)
	p, err := m.Portfolio(context.Background(), id)
	require.NoError(t, err)
	return p
}

// brokenImport imports a statement in parts and breaks off behind some of them. It returns what it
// was told, and how many parts were recorded.
func brokenImport(t *rapid.T, store accounts.Store, id accounts.ProfileID, st *Statement, part int) (*Plan, int, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := rapid.IntRange(1, 4).Draw(t, "break off behind parts")
	weak := &frail{Store: store, left: -1}
	how := rapid.SampledFrom([]string{"cancelled", "unavailable", "outcome unknown"}).Draw(t, "how")
	if how != "cancelled" {
		weak.left, weak.unknown = stop, how == "outcome unknown"
	}
	parts, told := 0, 0
	plan, added, err := Import(ctx, reopened(t, weak, id), st, inParts(part, part), WithProgress(func(recorded, facts int) {
		require.Greater(t, recorded, told)
		require.LessOrEqual(t, recorded, facts)
		told = recorded
		if parts++; parts == stop && how == "cancelled" {
			cancel()
		}
	}))
	if err == nil {
		return plan, parts, nil
	}
	require.ErrorIs(t, err, map[string]error{"cancelled": context.Canceled, "unavailable": accounts.ErrUnavailable,
		"outcome unknown": accounts.ErrOutcomeUnknown}[how])
	var incomplete *IncompleteError
	if !errors.As(err, &incomplete) {
		require.Zero(t, parts, "some of it is recorded")
		return plan, 0, err
	}
	require.ErrorIs(t, err, ErrIncomplete)
	require.Equal(t, cmp.Or(told, plan.done), incomplete.Recorded)
	require.Less(t, incomplete.Recorded, incomplete.Facts)
	require.LessOrEqual(t, added, incomplete.Recorded)
	return plan, parts, err
}

// An import in parts that breaks off, at any part and several times, and is repeated leaves the same book as
// an import of the whole statement at once: for any book before, and any lots that the plan infers.
func TestSimulatedParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		h := drawHistory(t, q)
		last := len(h.days) - 1
		from := h.drawStart(t, last-1)
		var texts []string
		if rapid.Bool().Draw(t, "the book has something") && from < last-1 {
			cut := rapid.IntRange(from+1, last-1).Draw(t, "cut")
			texts = append(texts, h.render(t, q, from, cut))
			from = rapid.IntRange(from, cut).Draw(t, "second from")
		}
		texts = append(texts, h.render(t, q, from, last))
		statements := make([]*Statement, len(texts))
		for i, text := range texts {
			all, err := ReadAll(strings.NewReader(text))
			require.NoError(t, err)
			statements[i] = all[0]
		}
		before, st := statements[:len(statements)-1], statements[len(statements)-1]

		stores := [2]accounts.Store{memstore.New(), memstore.New()}
		var portfolios [2]*accounts.Portfolio
		for i, store := range stores {
			portfolios[i] = freshIn(t, store, "U1234567", "USD")
			for _, earlier := range before {
				_, _, err := Import(context.Background(), portfolios[i], earlier)
				require.NoError(t, err)
			}
		}
		plan, added, err := Import(context.Background(), portfolios[0], st)
		require.NoError(t, err)

		id := portfolios[1].ProfileID()
		part := rapid.IntRange(1, 6).Draw(t, "facts of a part")
		var again *Plan
		for err = ErrIncomplete; err != nil; {
			again, _, err = brokenImport(t, stores[1], id, st, part)
		}
		once, p := reopened(t, stores[0], portfolios[0].ProfileID()), reopened(t, stores[1], id) // which know the marks of this import alone
		for _, p := range []*accounts.Portfolio{once, p} {
			_, more, err := Import(context.Background(), p, st)
			require.NoError(t, err)
			if Unread(plan.Issues)["corporate action"] == 0 { // else what was booked since may tell it
				require.Zero(t, more, "the statement again must add nothing\n%s", strings.Join(texts, "\n\n"))
			}
		}
		if len(again.items) != len(plan.items) || len(before) > 0 { // an earlier import inferred the same, or this one was complete already
			again.Inferred, again.Issues, plan.Inferred, plan.Issues = nil, nil, nil, nil
		}
		require.Equal(t, bookOf(t, once, plan), bookOf(t, p, again), "%d facts\n%s", added, strings.Join(texts, "\n\n"))
	})
}
