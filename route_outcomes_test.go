package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// route routes and requires that it could be done.
func (f *fleet) route(t testing.TB, s accounts.Signal, opts ...accounts.RouteOption) []accounts.Allocation {
	t.Helper()
	out, err := f.manager.Route(t.Context(), s, opts...)
	require.NoError(t, err, "route signal %s", s.ID)
	return out
}

// rules tells of each profile the first rule that its order broke, "held", or "failed".
func rules(out []accounts.Allocation) []string {
	list := make([]string, len(out))
	for i, a := range out {
		switch {
		case a.Held():
			list[i] = "held"
		case len(a.Decision.Violations) > 0 && errors.Is(a.Err, accounts.ErrRefused):
			list[i] = string(a.Decision.Violations[0].Rule)
		default:
			list[i] = "failed"
		}
	}
	return list
}

// working counts the working orders of every profile.
func (f *fleet) working(t testing.TB) []int {
	t.Helper()
	var list []int
	for _, p := range f.profiles {
		list = append(list, len(f.open(t, p.ID).Snapshot().Risk.Orders))
	}
	return list
}

func TestRouteGoesToActiveProfilesOnly(t *testing.T) {
	f := newFleet(t)
	idle := f.profiles[1]
	idle.Status = accounts.StatusInactive
	_, err := f.manager.UpdateProfile(t.Context(), idle)
	require.NoError(t, err)
	require.NoError(t, f.manager.ArchiveProfile(t.Context(), "p3"))

	out := f.route(t, buy("s"))
	require.Len(t, out, 2, "the inactive and the archived profile are not asked")
	require.Equal(t, []accounts.ProfileID{"p1", "p4"}, []accounts.ProfileID{out[0].ProfileID, out[1].ProfileID}, "by ascending id")

	chosen := buy("chosen")
	chosen.Price = dec("99") // else it would be p1's order of before once more
	out = f.route(t, chosen, accounts.ToProfiles("p4", "p3", "nobody", "p2"))
	require.Equal(t, []string{"held", "profile_status", "failed", "profile_status"}, rules(out), "in the order of ToProfiles, and each for itself")
	require.ErrorIs(t, out[2].Err, accounts.ErrProfileNotFound)
	require.False(t, out[2].Held(), "what failed is not held")

	_, err = f.manager.Route(t.Context(), buy("twice"), accounts.ToProfiles("p1", "p1"))
	require.ErrorIs(t, err, accounts.ErrInvalid, "a profile named twice would be traded twice")
	out = f.route(t, buy("none"), accounts.ToProfiles())
	require.Empty(t, out, "chosen none is none, not all")
}

func TestRouteSeesTheOwnersProfilesAlone(t *testing.T) {
	store := memstore.New()
	m := newManagerOn(t, store)
	for i, owner := range []accounts.OwnerID{"ann", "bob"} {
		p := accounts.Optimal100K(fmt.Sprint("DU100010", i))
		p.ID = accounts.ProfileID("of-" + owner)
		ctx := accounts.WithOwner(t.Context(), owner)
		_, err := m.CreateProfile(ctx, p)
		require.NoError(t, err)
		portfolio, err := m.Portfolio(ctx, p.ID)
		require.NoError(t, err)
		require.NoError(t, errOf(portfolio.Record(ctx, ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})))
		require.NoError(t, portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
	}
	ann := accounts.WithOwner(t.Context(), "ann")
	out, err := m.Route(ann, buy("s"))
	require.NoError(t, err)
	require.Len(t, out, 1)
	require.Equal(t, accounts.ProfileID("of-ann"), out[0].ProfileID)
	require.True(t, out[0].Held(), out[0].Decision.String())
	out, err = m.Route(ann, buy("s2"), accounts.ToProfiles("of-bob"))
	require.NoError(t, err)
	require.ErrorIs(t, out[0].Err, accounts.ErrProfileNotFound, "another owner's profile is as though it were not there")
	require.Equal(t, int64(1), lastSeq(t, store, "of-bob"), "nothing is written for bob but his deposit")
}

func lastSeq(t testing.TB, s accounts.Store, id accounts.ProfileID) int64 {
	t.Helper()
	list := readAll(t, s, id)
	return list[len(list)-1].Seq
}

func TestRouteIsIdempotentEverywhere(t *testing.T) {
	f := newFleet(t)
	require.NoError(t, f.open(t, "p2").Halt(t.Context(), "test"))
	first := f.route(t, buy("s"))
	require.Equal(t, []string{"held", "trading_state", "held", "held"}, rules(first))

	require.NoError(t, f.open(t, "p2").Resume(t.Context(), "test"))
	other := newManagerOn(t, f.store) // has no marks: only what is durable can answer
	again, err := other.Route(t.Context(), buy("s"))
	require.NoError(t, err)
	for i := range again {
		require.Equal(t, first[i].Held(), again[i].Held(), "profile %s: the same outcome in every process", first[i].ProfileID)
		require.Equal(t, first[i].Order.ID, again[i].Order.ID)
		require.Equal(t, first[i].Order.Quantity.String(), again[i].Order.Quantity.String())
		require.Equal(t, first[i].Decision.Violations, again[i].Decision.Violations)
	}
	require.Equal(t, []int{1, 0, 1, 1}, f.working(t), "nothing is held twice")

	p1 := f.open(t, "p1")
	fill := trade(1, xyz, "25", "100")
	fill.OrderID = first[0].Order.ID
	_, err = p1.Record(t.Context(), fill)
	require.NoError(t, err)
	require.NoError(t, f.open(t, "p3").Release(t.Context(), first[2].Order.ID, "cancelled"))
	done := f.route(t, buy("s"))
	require.Equal(t, []string{"order_done", "trading_state", "order_done", "held"}, rules(done), "what is filled or released is not held again")
	requirePosition(t, p1, xyz, "25", "2501", "0")

	for name, change := range map[string]func(*accounts.Signal){
		"another contract": func(s *accounts.Signal) { s.Instrument = ledger.NewStock("ABC", "USD") },
		"the other side":   func(s *accounts.Signal) { s.Action = accounts.SignalSell },
		"another price":    func(s *accounts.Signal) { s.Price = dec("99") },
	} {
		s := buy("s")
		change(&s)
		require.ErrorIs(t, f.route(t, s, accounts.ToProfiles("p4"))[0].Err, accounts.ErrIDReused, "%s under the same id", name)
	}
}

func TestRouteAllOrNone(t *testing.T) {
	f := newFleet(t)
	require.Equal(t, []string{"held", "held", "held", "held"}, rules(f.route(t, buy("all"), accounts.AllOrNone())), "all can")
	require.Equal(t, []int{1, 1, 1, 1}, f.working(t))

	require.NoError(t, f.open(t, "p2").Halt(t.Context(), "test"))
	var told []accounts.Allocation
	s := buy("none")
	s.Price = dec("101")
	out := f.route(t, s, accounts.AllOrNone(), accounts.OnAllocation(func(a accounts.Allocation) { told = append(told, a) }))
	require.Equal(t, []string{"all_or_none", "trading_state", "all_or_none", "all_or_none"}, rules(out))
	require.Equal(t, out, told, "told once all is known")
	require.Equal(t, []int{1, 1, 1, 1}, f.working(t), "what was held is let go")
	for _, a := range f.route(t, s, accounts.AllOrNone()) {
		require.ErrorIs(t, a.Err, accounts.ErrRefused, "profile %s: routed again, none still", a.ProfileID)
	}
}

// A process that ends between holding and letting go leaves orders held: whoever routes the signal
// again lets them go.
func TestRouteAllOrNoneAfterACrash(t *testing.T) {
	f := newFleet(t)
	require.NoError(t, f.open(t, "p4").Halt(t.Context(), "test"))
	require.Equal(t, []string{"held", "held", "held", "trading_state"}, rules(f.route(t, buy("s"))))
	f.manager = newManagerOn(t, f.store)
	require.Equal(t, []string{"all_or_none", "all_or_none", "all_or_none", "trading_state"}, rules(f.route(t, buy("s"), accounts.AllOrNone())))
	require.Equal(t, []int{0, 0, 0, 0}, f.working(t))
}

func TestRouteSaysWhenItCannotLetGo(t *testing.T) {
	f := newFleet(t)
	require.NoError(t, f.open(t, "p4").Halt(t.Context(), "test"))
	broken := errors.New("disk full")
	f.store.append = func(ctx context.Context, b accounts.Batch) error {
		if b.ProfileID == "p2" && b.Entries[0].Kind == risk.KindRelease {
			return broken
		}
		return f.store.Store.Append(ctx, b)
	}
	out := f.route(t, buy("s"), accounts.AllOrNone())
	require.Equal(t, []string{"all_or_none", "failed", "all_or_none", "trading_state"}, rules(out))
	require.ErrorIs(t, out[1].Err, broken)
	require.ErrorContains(t, out[1].Err, "could not be let go")
	require.Equal(t, []int{0, 1, 0, 0}, f.working(t), "held until it is let go: never forgotten")
}

// One profile's store hangs: the others' outcomes are there at once, and its own at its deadline.
func TestRouteDoesNotWaitForOneProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.store.append = func(ctx context.Context, b accounts.Batch) error {
			if b.ProfileID == "p2" {
				<-ctx.Done()
				return ctx.Err()
			}
			return f.store.Store.Append(ctx, b)
		}
		begun := time.Now() // of a clock that moves only when everything waits
		var others int
		out := f.route(t, buy("s"), accounts.ProfileTimeout(time.Minute), accounts.OnAllocation(func(a accounts.Allocation) {
			if a.ProfileID != "p2" {
				others++
				require.Zero(t, time.Since(begun), "profile %s was held up by another", a.ProfileID)
			}
		}))
		require.Equal(t, 3, others)
		require.Equal(t, []string{"held", "failed", "held", "held"}, rules(out))
		require.ErrorIs(t, out[1].Err, context.DeadlineExceeded)
		require.ErrorIs(t, out[1].Err, accounts.ErrOutcomeUnknown)
		require.Equal(t, time.Minute, time.Since(begun), "a profile's deadline is its own")

		f.store.append = nil
		require.Equal(t, []string{"held", "held", "held", "held"}, rules(f.route(t, buy("s"))), "routing again tells, and makes up for it")
		require.Equal(t, []int{1, 1, 1, 1}, f.working(t))
	})
}

// The store writes and then the answer is lost: routing again finds the same order, and holds no second one.
func TestRouteAfterALostAnswer(t *testing.T) {
	f := newFleet(t)
	lost := errors.New("connection lost")
	f.store.append = func(ctx context.Context, b accounts.Batch) error {
		return errors.Join(f.store.Store.Append(ctx, b), lost)
	}
	for _, a := range f.route(t, buy("s")) {
		require.ErrorIs(t, a.Err, lost)
		require.False(t, a.Held(), "not to be sent: nobody knows")
	}
	f.store.append = nil
	require.Equal(t, []string{"held", "held", "held", "held"}, rules(f.route(t, buy("s"))))
	require.Equal(t, []int{1, 1, 1, 1}, f.working(t))
}

// Routed again when one profile's order is filled, a signal for all or none leaves the others' orders at work:
// all took it when it was routed first.
func TestAllOrNoneRoutedAgainAfterAFill(t *testing.T) {
	f := newFleet(t)
	out := f.route(t, buy("s"), accounts.AllOrNone())
	fill := trade(1, xyz, "25", "100")
	fill.OrderID = out[0].Order.ID
	_, err := f.open(t, "p1").Record(t.Context(), fill)
	require.NoError(t, err)
	require.Equal(t, []string{"order_done", "held", "held", "held"}, rules(f.route(t, buy("s"), accounts.AllOrNone())))
	require.Equal(t, []int{0, 1, 1, 1}, f.working(t), "orders that may be at the broker must stay held")
}
