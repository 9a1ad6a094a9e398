package httpapi

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// frail is a store of which a test lets calls fail.
type frail struct {
	*memstore.Store
	append   failing
	profile  failing
	profiles failing
}

// failing is what a call returns instead of what the store does.
type failing struct {
	p atomic.Pointer[func(context.Context) error]
}

// with lets calls fail; nil lets them be.
func (f *failing) with(how func(context.Context) error) { f.p.Store(&how) }

func (f *failing) err(ctx context.Context) error {
	if how := f.p.Load(); how != nil && *how != nil {
		return (*how)(ctx)
	}
	return nil
}

func (f *frail) Append(ctx context.Context, b accounts.Batch) error {
	if err := f.append.err(ctx); err != nil {
		return err
	}
	return f.Store.Append(ctx, b)
}

func (f *frail) Profile(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
	if err := f.profile.err(ctx); err != nil {
		return accounts.AccountProfile{}, err
	}
	return f.Store.Profile(ctx, id)
}

func (f *frail) Profiles(ctx context.Context, filter accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
	if err := f.profiles.err(ctx); err != nil {
		return nil, err
	}
	return f.Store.Profiles(ctx, filter)
}

func newFrail(t *testing.T, change ...func(*Config)) (*rig, *frail) {
	store := &frail{Store: memstore.New()}
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return newRigOn(t, store, change...), store
}

const inside = "pq: connection to 10.1.2.3 lost, account DU1000001"

// TestStoreFails: a store that fails is told apart, and nothing of the inside is told.
func TestStoreFails(t *testing.T) {
	r, store := newFrail(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID)
	store.append.with(func(context.Context) error { return fmt.Errorf("%w: %s", accounts.ErrUnavailable, inside) })
	a := r.call("ann", "POST", at+"/orders", anOrder("5", "41"), "Idempotency-Key", "k1")
	a.problem(t, CodeUnavailable)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	require.NotContains(t, a.text, "10.1.2.3")
	a = r.call("ann", "POST", "/halt", sampleReason)
	require.NotContains(t, a.problem(t, CodeUnavailable).Detail, "Nothing was changed", "others may be halted")

	store.append.with(func(context.Context) error { return fmt.Errorf("%w: %s", accounts.ErrOutcomeUnknown, inside) })
	a = r.call("ann", "POST", at+"/orders", anOrder("5", "41"), "Idempotency-Key", "k1")
	require.Contains(t, a.problem(t, CodeOutcomeUnknown).Detail, "Look before trying again")
	store.append.with(nil)
	r.call("ann", "POST", at+"/orders", anOrder("5", "41"), "Idempotency-Key", "k1").want(t, 201)

	store.profile.with(func(context.Context) error { return errors.New(inside) })
	a = r.call("ann", "GET", at, nil)
	a.problem(t, CodeInternal)
	require.NotContains(t, a.text, "10.1.2.3")
}

// TestLog: what is broken is logged under the request's id, and what is merely wrong is not.
func TestLog(t *testing.T) {
	log := &syncBuffer{}
	r, store := newFrail(t, func(c *Config) { c.Logger = jsonLogger(log) })
	p := r.profile("ann", "A", "DU1000001")
	r.call("ann", "GET", "/profiles/none", nil).problem(t, CodeProfileNotFound)
	r.call("ann", "POST", "/profiles/"+string(p.ID)+"/halt", `{"reason":7}`).problem(t, CodeInvalid)
	require.Empty(t, log.String(), "what is wrong with a request is not the operator's matter")
	store.profile.with(func(context.Context) error { return errors.New(inside) })
	a := r.call("ann", "GET", "/profiles/"+string(p.ID), nil)
	require.Equal(t, a.problem(t, CodeInternal).RequestID, a.Header.Get("X-Request-Id"))
	require.Contains(t, log.String(), a.Header.Get("X-Request-Id"))
	require.Contains(t, log.String(), "10.1.2.3")
	require.NotContains(t, log.String(), "Bearer")
}

// TestTimeout: work that takes too long ends with a problem.
func TestTimeout(t *testing.T) {
	r, store := newFrail(t, func(c *Config) { c.Timeout = time.Millisecond })
	p := r.profile("ann", "A", "DU1000001")
	store.profile.with(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	a := r.call("ann", "GET", "/profiles/"+string(p.ID), nil)
	a.problem(t, CodeTimeout)
}

// brokenEngine panics.
type brokenEngine struct{ Engine }

func (*brokenEngine) Status() broker.EngineStatus { panic("inside: " + inside) }

func (*brokenEngine) Submit(context.Context, accounts.ProfileID, risk.Order, broker.Terms) (broker.Ack, error) {
	return broker.Ack{}, fmt.Errorf("%w: %s", broker.ErrDuplicateRef, inside)
}

func TestPanic(t *testing.T) {
	log := &syncBuffer{}
	r := newRig(t, func(c *Config) { c.Logger = jsonLogger(log) })
	p := r.profile("ann", "A", "DU1000001")
	r.engine = func(accounts.ProfileID) Engine { return &brokenEngine{} }
	a := r.call("ann", "GET", "/profiles/"+string(p.ID)+"/link", nil)
	a.problem(t, CodeInternal)
	require.NotContains(t, a.text, "inside:")
	require.Contains(t, log.String(), "panicked")
	require.Contains(t, log.String(), "failure_test.go", "where it panicked")
	require.NotContains(t, log.String(), inside, "what a handler panics with may be a secret")
	r.call("ann", "POST", "/profiles/"+string(p.ID)+"/orders", anOrder("5", "41"), "Idempotency-Key", "k1").problem(t, CodeOutcomeUnknown)
}

// TestJSONNames: the library's names of fields become the client's.
func TestJSONNames(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct{ route, goPath, want string }{
		{"placeOrder", "Instrument.SecType", "instrument.sec_type"}, {"placeOrder", "Symbol", "instrument.symbol"}, {"placeOrder", "TIF", "tif"},
		{"changeProfile", "IBKRAccountID", "ibkr_account_id"}, {"changeProfile", "Limits.WarnAt", "limits.warn_at"}, {"changeProfile", "Gateway.ClientID", "gateway.client_id"},
		{"setLimits", "Limits.Drawdown.Moderate", "drawdown.moderate"}, {"routeSignal", "Confidence", "confidence"}, {"routeSignal", "SecType", "instrument.sec_type"},
		{"getProfile", "IBKRAccountID", "ibkr_account_id"}, {"haltAll", "VaR95At", "va_r95_at"},
	} {
		for _, route := range r.api.routes {
			if route.id == c.route {
				require.Equal(t, c.want, jsonName(route.action.in, c.goPath), "%s: %s", c.route, c.goPath)
			}
		}
	}
}

// brake is an engine that counts halts.
type brake struct {
	Engine
	halts atomic.Int64
}

func (b *brake) Halt(_ context.Context, _ string, ids ...accounts.ProfileID) (rows []broker.Halted, err error) {
	b.halts.Add(int64(len(ids)))
	for _, id := range ids {
		rows = append(rows, broker.Halted{Profile: id, Problem: broker.ErrStandby})
	}
	return rows, nil
}

// TestHaltWithoutStore: orders are cancelled even where the halt cannot be written; and that it is not
// known what works at the broker is told.
func TestHaltWithoutStore(t *testing.T) {
	r, store := newFrail(t)
	p := r.profile("ann", "A", "DU1000001")
	engine := &brake{}
	r.engine = func(accounts.ProfileID) Engine { return engine }
	store.append.with(func(context.Context) error { return fmt.Errorf("%w: %s", accounts.ErrUnavailable, inside) })
	r.call("ann", "POST", "/profiles/"+string(p.ID)+"/halt", sampleReason).problem(t, CodeUnavailable)
	require.EqualValues(t, 1, engine.halts.Load())
	r.call("ann", "POST", "/halt", sampleReason).problem(t, CodeUnavailable)
	require.EqualValues(t, 2, engine.halts.Load())
	store.profiles.with(func(context.Context) error { return fmt.Errorf("%w: %s", accounts.ErrUnavailable, inside) })
	r.call("ann", "POST", "/halt", sampleReason).problem(t, CodeUnavailable)
	require.EqualValues(t, 3, engine.halts.Load(), "profiles that cannot be listed trade all the same")
	r.call("bob", "POST", "/halt", sampleReason).problem(t, CodeUnavailable)
	require.EqualValues(t, 3, engine.halts.Load(), "another owner's go on")
	store.profiles.with(nil)
	store.append.with(nil)
	var state stateView
	r.call("ann", "POST", "/profiles/"+string(p.ID)+"/halt", sampleReason).want(t, 200, &state)
	require.False(t, state.Known)
	var all haltReport
	r.call("ann", "POST", "/halt", sampleReason).want(t, 200, &all)
	require.False(t, all.Profiles[0].Known)
}
