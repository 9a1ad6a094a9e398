package accounts_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// A repeat is marked as a repeat, whatever the decision, so that a loop that sends new orders sends none twice.
func TestARepeatSaysSo(t *testing.T) {
	f := newFleet(t)
	p := f.open(t, "p1")
	o := order("o", xyz, "1", "100")
	first, err := p.Reserve(t.Context(), o)
	require.NoError(t, err)
	require.False(t, first.Repeat, "a new order")
	again, err := p.Reserve(t.Context(), o)
	require.NoError(t, err)
	require.True(t, again.Allowed && again.Repeat, "a held order: %v", again)
	require.True(t, p.Check(o).Repeat, "a held order, checked")
	require.NoError(t, p.Release(t.Context(), "o", "cancelled"))
	done, err := p.Reserve(t.Context(), o)
	require.ErrorIs(t, err, accounts.ErrRefused)
	require.True(t, done.Repeat && done.Broken(risk.RuleDone), "a released order: %v", done)

	s := buy("s")
	send := func(m *accounts.MultiAccountManager) (ids []ledger.OrderID) {
		out, err := m.Route(t.Context(), s)
		require.NoError(t, err)
		for _, a := range out {
			require.True(t, a.Held(), "profile %s: %v", a.ProfileID, a.Err)
			if a.ToSend() {
				ids = append(ids, a.Order.ID)
			}
		}
		return ids
	}
	require.Len(t, send(f.manager), 4, "orders to send")
	require.Empty(t, send(f.manager), "orders to send of a signal that was routed before")
	require.Empty(t, send(newManagerOn(t, f.store)), "orders to send in another process")
}

// An order that was held before a halt is not to be sent after it, though its exposure stays held.
func TestARepeatIsNotSentWhileTradingIsBarred(t *testing.T) {
	opens, reduces := order("opens", xyz, "1", "100"), order("reduces", xyz, "-1", "100")
	for name, c := range map[string]struct {
		bar     func(*testing.T, *fleet, *accounts.Portfolio)
		rule    risk.Rule
		reduces bool // an order that reduces may still be sent
	}{
		"halted": {func(t *testing.T, _ *fleet, p *accounts.Portfolio) {
			require.NoError(t, p.Halt(t.Context(), "stop"))
		}, risk.RuleState, false},
		"reducing": {func(t *testing.T, _ *fleet, p *accounts.Portfolio) {
			require.NoError(t, p.Reduce(t.Context(), "calm down"))
		}, risk.RuleState, true},
		"suspended": {func(t *testing.T, f *fleet, _ *accounts.Portfolio) {
			profile, err := f.manager.Profile(t.Context(), "p1")
			require.NoError(t, err)
			profile.Status = accounts.StatusSuspended
			_, err = f.manager.UpdateProfile(t.Context(), profile)
			require.NoError(t, err)
		}, risk.RuleStatus, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			p := f.open(t, "p1")
			require.NoError(t, errOf(p.Record(t.Context(), trade(1, xyz, "5", "100"))))
			for _, o := range []risk.Order{opens, reduces} {
				_, err := p.Reserve(t.Context(), o)
				require.NoError(t, err, "order %s", o.ID)
			}
			routed := f.route(t, buy("s"), accounts.ToProfiles("p1"))
			require.True(t, routed[0].Held(), "%v", routed[0].Err)
			c.bar(t, f, p)

			d, err := p.Reserve(t.Context(), opens)
			require.ErrorIs(t, err, accounts.ErrRefused, "an order leaves")
			require.True(t, d.Repeat && d.Broken(c.rule), "%v", d)
			require.Equal(t, d, p.Check(opens), "Check says something else than Reserve")
			out := f.route(t, buy("s"), accounts.ToProfiles("p1"))
			require.True(t, !out[0].Held() && out[0].Decision.Broken(c.rule), "a signal's order leaves: %v", out[0].Decision)
			d, err = p.Reserve(t.Context(), reduces)
			require.Equal(t, c.reduces, err == nil, "an order that reduces: %v", d)
			require.Len(t, p.Snapshot().Risk.Orders, 3, "the orders stay held")
		})
	}
}

// An order is all of its terms: another one under its id is refused, whether it works, is done or was refused.
func TestAnOrderIsAllOfItsTerms(t *testing.T) {
	for name, change := range map[string]func(*risk.Order){
		"quantity":   func(o *risk.Order) { o.Quantity = dec("2") },
		"price":      func(o *risk.Order) { o.Price = dec("99") },
		"instrument": func(o *risk.Order) { o.Instrument = ledger.NewStock("ABC", "USD") },
		"strategy":   func(o *risk.Order) { o.Strategy = "carry" },
		"sector":     func(o *risk.Order) { o.Sector = "energy" },
		"signal":     func(o *risk.Order) { o.Signal = "s" },
	} {
		f := newFleet(t)
		p := f.open(t, "p1")
		one := order("o", xyz, "1", "100")
		one.Strategy, one.Sector = "trend", "tech"
		other := one
		change(&other)
		_, err := p.Reserve(t.Context(), one)
		require.NoError(t, err)
		require.True(t, p.Check(other).Broken(risk.RuleIDReused), "Check of another %s under the id of a held order", name)
		_, err = p.Reserve(t.Context(), other)
		require.ErrorIs(t, err, accounts.ErrIDReused, "another %s under the id of a held order", name)
		require.NoError(t, p.Release(t.Context(), "o", "cancelled"))
		_, err = p.Reserve(t.Context(), other)
		require.ErrorIs(t, err, accounts.ErrIDReused, "another %s under the id of an order that is done", name)
	}
	f := newFleet(t)
	f.route(t, buy("s"))
	for name, change := range map[string]func(*accounts.Signal){
		"strategy": func(s *accounts.Signal) { s.Strategy = "carry" },
		"sector":   func(s *accounts.Signal) { s.Sector = "energy" },
	} {
		s := buy("s")
		change(&s)
		require.ErrorIs(t, f.route(t, s, accounts.ToProfiles("p4"))[0].Err, accounts.ErrIDReused, "another %s under the signal's id", name)
	}
}

// What could not be told is decided once it can be, under the same id and in any process; what was decided
// stays decided, also for a process that cannot tell.
func TestWhatCouldNotBeToldIsDecidedLater(t *testing.T) {
	f := newFleet(t)
	o := order("o", xyz, "1", "100")
	blind := newManagerOn(t, f.store) // has no marks
	p, err := blind.Portfolio(t.Context(), "p1")
	require.NoError(t, err)
	for range 2 {
		d, err := p.Reserve(t.Context(), o)
		require.ErrorIs(t, err, accounts.ErrUndecided, "%v", d)
		require.ErrorIs(t, err, accounts.ErrRefused)
		require.False(t, d.Repeat, "nothing was decided before")
	}
	out, err := blind.Route(t.Context(), buy("s"))
	require.NoError(t, err)
	for _, a := range out {
		require.ErrorIs(t, a.Err, accounts.ErrUndecided, "profile %s", a.ProfileID)
	}
	sees := f.open(t, "p1")
	d, err := sees.Reserve(t.Context(), o)
	require.NoError(t, err, "an order that can be told now")
	require.True(t, d.Allowed && !d.Repeat, "%v", d)
	require.Equal(t, []string{"held", "held", "held", "held"}, rules(f.route(t, buy("s"))), "a signal that can be told now")

	large := order("large", xyz, "100000", "100")
	refused, err := sees.Reserve(t.Context(), large)
	require.ErrorIs(t, err, accounts.ErrRefused)
	require.NotErrorIs(t, err, accounts.ErrUndecided, "a limit is final: %v", refused)
	again, err := newPortfolioOn(t, f, "p1").Reserve(t.Context(), large)
	require.ErrorIs(t, err, accounts.ErrRefused)
	require.NotErrorIs(t, err, accounts.ErrUndecided, "what was decided is undecided for a process without marks")
	require.Equal(t, refused.String(), again.String(), "the earlier decision")
}

// newPortfolioOn opens a profile in a process of its own, without marks.
func newPortfolioOn(t *testing.T, f *fleet, id accounts.ProfileID) *accounts.Portfolio {
	t.Helper()
	p, err := newManagerOn(t, f.store).Portfolio(t.Context(), id)
	require.NoError(t, err)
	return p
}

// thousand is a size that every profile of a fleet can take.
var thousand = accounts.WithSizer(sizing.FixedNotional{Amount: dec("1000")})

// A signal that was let go stays let go: routed again after one profile has failed, none is held, and not one.
func TestAllOrNoneAfterAFailureIsNone(t *testing.T) {
	f := newFleet(t)
	away := true
	f.store.append = func(ctx context.Context, b accounts.Batch) error {
		if away && b.ProfileID == "p3" {
			return errors.New("connection refused")
		}
		return f.store.Store.Append(ctx, b)
	}
	require.Equal(t, []string{"all_or_none", "all_or_none", "failed", "all_or_none"}, rules(f.route(t, buy("s"), thousand, accounts.AllOrNone())))
	away = false
	for range 2 {
		require.Equal(t, []string{"all_or_none", "all_or_none", "all_or_none", "all_or_none"}, rules(f.route(t, buy("s"), thousand, accounts.AllOrNone())))
		require.Equal(t, []int{0, 0, 0, 0}, f.working(t), "none or all")
	}
	another := buy("another")
	another.Price = dec("101")
	require.Equal(t, []string{"held", "held", "held", "held"}, rules(f.route(t, another, thousand, accounts.AllOrNone())), "a signal of its own")
}

// A caller whose context ends while one profile hangs leaves nothing held in the others, and hears where an
// order may still be held.
func TestAllOrNoneLetsGoWhenTheContextEnds(t *testing.T) {
	f := newFleet(t)
	ctx, leave := context.WithCancel(t.Context())
	f.store.append = func(ctx context.Context, b accounts.Batch) error {
		if b.ProfileID == "p3" && ctx.Err() == nil {
			leave()
			<-ctx.Done()
			return ctx.Err()
		}
		return f.store.Store.Append(ctx, b)
	}
	out, err := f.manager.Route(ctx, buy("s"), thousand, accounts.AllOrNone())
	require.NoError(t, err)
	for _, a := range out {
		require.False(t, a.Held(), "profile %s is held", a.ProfileID)
	}
	require.ErrorIs(t, out[2].Err, accounts.ErrStillHeld, "nobody knows whether this one is")
	require.ErrorIs(t, out[2].Err, context.Canceled)
	f.store.append = nil
	require.Equal(t, []int{0, 0, 0, 0}, f.working(t), "held though the caller has left")
}

// An order of an earlier call may have been sent: a profile that fails when the signal comes again does not
// have it let go, and one that is halted by now is no refusal.
func TestAllOrNoneAgainKeepsWhatMayHaveBeenSent(t *testing.T) {
	f := newFleet(t)
	route := func() []accounts.Allocation { return f.route(t, buy("s"), thousand, accounts.AllOrNone()) }
	require.Equal(t, []string{"held", "held", "held", "held"}, rules(route()))
	require.NoError(t, f.open(t, "p2").Halt(t.Context(), "stop"))
	out := route()
	require.Equal(t, []string{"held", "trading_state", "held", "held"}, rules(out))
	require.Equal(t, []int{1, 1, 1, 1}, f.working(t), "the orders are out")
	for _, a := range out {
		require.False(t, a.ToSend(), "profile %s: sent twice", a.ProfileID)
	}
	require.NoError(t, f.open(t, "p3").Release(t.Context(), out[2].Order.ID, "cancelled at the broker"))
	require.Equal(t, []string{"held", "trading_state", "order_done", "held"}, rules(route()), "a release of the caller's is no refusal")
	require.Equal(t, []int{1, 1, 0, 1}, f.working(t))

	m := newManagerOn(t, &failsToOpen{Store: f.store, id: "p4"})
	out, err := m.Route(t.Context(), buy("s"), thousand, accounts.AllOrNone(), accounts.ToProfiles("p1", "p2", "p3", "p4"))
	require.NoError(t, err)
	for _, i := range []int{0, 1, 3} {
		require.ErrorIs(t, out[i].Err, accounts.ErrStillHeld, "profile %s", out[i].ProfileID)
	}
	require.Equal(t, []int{1, 1, 0, 1}, f.working(t), "what may have been sent is let go")
}

// failsToOpen is a store that cannot read one profile.
type failsToOpen struct {
	accounts.Store
	id accounts.ProfileID
}

func (s *failsToOpen) Profile(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
	if id == s.id {
		return accounts.AccountProfile{}, errors.New("connection refused")
	}
	return s.Store.Profile(ctx, id)
}
