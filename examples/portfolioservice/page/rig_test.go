package page

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

func dec(s string) ledger.Decimal { return ledger.MustDecimal(s) }

// newYork is where the rig's clock stands on the wall.
var newYork = func() *time.Location {
	zone, err := risk.NewYork()
	if err != nil {
		panic(err)
	}
	return zone
}()

// rigNow is when everything has happened: a Wednesday.
var rigNow = time.Date(2026, 11, 25, 14, 32, 7, 0, newYork)

// rig is the pages of four accounts of ann's, one of bob's, and what they did in four months.
type rig struct {
	t       testing.TB
	clock   *clock
	store   accounts.Store
	manager *accounts.MultiAccountManager
	auth    *callers
	log     *safeBuffer
	handler http.Handler
	engine  func(accounts.ProfileID) httpapi.Engine
	broker  *statementBroker
	ids     map[string]accounts.ProfileID // by name
}

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.now = t }

// callers knows callers by the header X-Caller.
type callers struct {
	mu sync.Mutex
	of map[string]httpapi.Caller
}

func (k *callers) Authenticate(r *http.Request) (httpapi.Caller, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.of[r.Header.Get("X-Caller")]
	if !ok {
		return httpapi.Caller{}, httpapi.ErrUnauthenticated
	}
	return c, nil
}

func (k *callers) set(name string, c httpapi.Caller) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.of[name] = c
}

func (k *callers) forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.of, name)
}

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newRig returns the pages of no account.
func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, clock: &clock{now: rigNow}, store: memstore.New(), log: &safeBuffer{}, broker: &statementBroker{err: flex.ErrNotReady}, ids: map[string]accounts.ProfileID{},
		auth: &callers{of: map[string]httpapi.Caller{}}}
	creds := memcreds.New()
	m, err := accounts.New(r.store, accounts.WithClock(r.clock.Now), accounts.RequireOwner(), accounts.WithCredentialStore(creds))
	require.NoError(t, err)
	r.manager = m
	t.Cleanup(func() {
		require.NoError(t, m.Close())
		require.NoError(t, creds.Close())
		require.NoError(t, r.store.Close())
	})
	for _, name := range []string{"ann", "bob"} {
		r.auth.set(name, httpapi.Caller{Name: name, Owner: accounts.OwnerID(name), Rights: httpapi.AllRights})
	}
	r.auth.set("guest", httpapi.Caller{Name: "guest", Owner: "ann", Rights: httpapi.Read})
	life, end := context.WithCancel(context.Background())
	t.Cleanup(func() { end(); r.handler.(*Page).Wait() })
	r.handler, err = New(life, Config{Manager: m, Auth: r.auth, Clock: r.clock.Now, Download: r.broker.download,
		Engine: func(id accounts.ProfileID) httpapi.Engine {
			if r.engine == nil {
				return nil
			}
			return r.engine(id)
		},
		Logger: slog.New(slog.NewTextHandler(r.log, nil))})
	require.NoError(t, err)
	return r
}

// owned is a context of an owner.
func owned(name string) context.Context {
	return accounts.WithOwner(context.Background(), accounts.OwnerID(name))
}

// create makes a profile of an owner.
func (r *rig) create(owner string, p accounts.AccountProfile) accounts.AccountProfile {
	r.t.Helper()
	made, err := r.manager.CreateProfile(owned(owner), p)
	require.NoError(r.t, err)
	r.ids[p.Name] = made.ID
	return made
}

func (r *rig) portfolio(owner, name string) *accounts.Portfolio {
	r.t.Helper()
	p, err := r.manager.Portfolio(owned(owner), r.ids[name])
	require.NoError(r.t, err)
	return p
}

// plan is what an account of the rich rig buys, a trade a day.
type plan struct {
	profile accounts.AccountProfile
	trades  []string // symbol, quantity, price
}

var (
	spy  = ledger.NewStock("SPY", "USD")
	put  = ledger.NewOption("SPY", ledger.NewDate(2026, 12, 18), ledger.Put, dec("580"), "USD")
	asml = ledger.NewStock("ASML", "EUR")
)

// contracts are what the rich rig trades, with their marks at the end.
var contracts = []struct {
	ledger.Instrument
	mark float64
}{
	{spy, 598.24}, {ledger.NewStock("MSFT", "USD"), 486.12}, {ledger.NewStock("NVDA", "USD"), 148.37}, {ledger.NewStock("GLD", "USD"), 268.90},
	{ledger.NewStock("XLE", "USD"), 91.25}, {asml, 702.40}, {put, 6.85},
}

func contract(name string) ledger.Instrument {
	for _, c := range contracts {
		if nameOf(c.Instrument) == name {
			return c.Instrument
		}
	}
	panic(name)
}

// rich returns the rig of four presets with four months of trades, marks, refusals and a halt, and a profile
// of somebody else.
func rich(t testing.TB) *rig {
	t.Helper()
	r := newRig(t)
	plans := []plan{
		{accounts.Aggressive25K("DU1000025"), []string{"XLE 20 93.48", "NVDA 30 152.90"}},
		{accounts.Balanced50K("DU1000050"), []string{"SPY 8 571.10", "GLD 15 241.22", "XLE 20 90.10"}},
		{accounts.Optimal100K("U1000100"), []string{"SPY 12 548.20", "SPY 14 571.85", "MSFT 25 441.35", "NVDA 60 152.90", "GLD 30 241.22", "XLE 90 93.48", "ASML 8 668.10", "SPY 18 Dec 26 580 P 2 9.10"}},
		{accounts.Conservative250K("U1000250"), []string{"GLD 90 241.22", "MSFT 20 441.35"}},
	}
	start := time.Date(2026, 7, 27, 16, 0, 0, 0, newYork)
	for i, pl := range plans {
		r.clock.set(start.Add(time.Duration(i) * time.Minute))
		r.create("ann", pl.profile)
	}
	foreign := accounts.Optimal100K("U2000100")
	foreign.Name = "Bob's own"
	r.create("bob", foreign)
	r.live(plans, start)
	r.clock.set(rigNow)
	r.marks(1.001, rigNow.Add(-4*time.Second))
	r.today()
	return r
}

// marks tells ann's accounts prices: the last ones times a factor.
func (r *rig) marks(factor float64, at time.Time) {
	r.t.Helper()
	var list []ledger.Mark
	for _, c := range contracts {
		list = append(list, ledger.Mark{Instrument: c.Instrument, Price: dec(fmt.Sprintf("%.2f", c.mark*factor)), Time: at})
	}
	require.NoError(r.t, r.manager.Mark(owned("ann"), list...))
	require.NoError(r.t, r.manager.MarkFX(owned("ann"), "USD", ledger.FXRate{Currency: "EUR", Rate: dec("1.086"), Time: at}))
}

// live lets the accounts live for four months.
func (r *rig) live(plans []plan, start time.Time) {
	r.t.Helper()
	n := 0
	for day := start; day.Before(rigNow); day = day.AddDate(0, 0, 1) {
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			continue
		}
		r.clock.set(day)
		r.marks(.96-.04*math.Cos(float64(n)/9)+.01*math.Sin(float64(n)*1.7), day)
		for _, pl := range plans {
			r.liveADay(pl, n, day)
		}
		n++
	}
}

// liveADay lets an account live its nth day.
func (r *rig) liveADay(pl plan, n int, day time.Time) {
	r.t.Helper()
	p, ctx := r.portfolio("ann", pl.profile.Name), owned("ann")
	var facts []ledger.Fact
	if n == 0 {
		facts = append(facts, ledger.CashMovement{ID: "deposit", Kind: ledger.Deposit, Currency: "USD", Amount: pl.profile.CapitalLevel.Amount(), Time: day})
		if pl.profile.Name == "Optimal-100K" {
			facts = append(facts, ledger.CashMovement{ID: "euro", Kind: ledger.Deposit, Currency: "EUR", Amount: dec("4250"), FXRate: dec("1.08"), Time: day})
		}
	}
	if n > 0 && n <= len(pl.trades) {
		facts = append(facts, trade(pl.profile.Name, n, pl.trades[n-1], day))
	}
	if n == 30 {
		first := strings.Fields(pl.trades[0])
		facts = append(facts, trade(pl.profile.Name, 100, first[0]+" -5 "+first[2], day))
	}
	if n == 40 {
		facts = append(facts, ledger.CashMovement{ID: "dividend", Kind: ledger.Dividend, Currency: "USD", Amount: dec("41.20"), Symbol: "GLD", Time: day})
	}
	_, err := p.Record(ctx, facts...)
	require.NoError(r.t, err)
	require.NoError(r.t, p.RecordEquity(ctx, day))
}

// trade reads "SPY 18 Dec 26 580 P 2 9.10": a contract, a quantity and a price.
func trade(who string, n int, text string, at time.Time) ledger.Trade {
	f := strings.Fields(text)
	i := contract(strings.Join(f[:len(f)-2], " "))
	out := ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("%s-%d", who, n)), Instrument: i, Quantity: dec(f[len(f)-2]), Price: dec(f[len(f)-1]),
		Commission: dec("1"), Time: at}
	if i.Currency == "EUR" {
		out.FXRate = dec("1.08")
	}
	return out
}

// today places orders, some of them refused, and stops trading in two accounts.
func (r *rig) today() {
	r.t.Helper()
	ctx := owned("ann")
	reserve := func(name, id string, i ledger.Instrument, quantity, price string) error {
		_, err := r.portfolio("ann", name).Reserve(ctx, risk.Order{ID: ledger.OrderID(id), Instrument: i, Quantity: dec(quantity), Price: dec(price), Strategy: "trend", Sector: "Technology"})
		return err
	}
	require.NoError(r.t, reserve("Optimal-100K", "o-1", contract("MSFT"), "5", "480.50"))
	require.NoError(r.t, reserve("Optimal-100K", "o-2", contract("XLE"), "-20", "92.10"))
	require.ErrorIs(r.t, reserve("Optimal-100K", "o-3", contract("NVDA"), "1200", "160"), accounts.ErrRefused)
	require.NoError(r.t, reserve("Balanced-50K", "b-1", contract("XLE"), "10", "91.50"))
	require.NoError(r.t, r.portfolio("ann", "Balanced-50K").Release(ctx, "b-1", "cancelled"))
	p := r.portfolio("ann", "Optimal-100K")
	require.NoError(r.t, p.Dispatch(ctx, risk.Dispatch{OrderID: "o-1", Ref: "ref-1", Terms: "limit 480.50, today"}))
	_, err := p.Record(ctx, ledger.Trade{ExecID: "fill-1", OrderID: "o-1", Instrument: contract("MSFT"), Quantity: dec("2"), Price: dec("480.45"), Commission: dec("1"), Time: rigNow})
	require.NoError(r.t, err)
	require.NoError(r.t, r.portfolio("ann", "Aggressive-25K").Reduce(ctx, "looking at the losses"))
	require.NoError(r.t, r.portfolio("ann", "Conservative-250K").Halt(ctx, "stopping to look"))
	require.ErrorIs(r.t, reserve("Conservative-250K", "c-1", contract("GLD"), "1", "268"), accounts.ErrRefused)
}

// answer is what the pages answer.
type answer struct {
	*httptest.ResponseRecorder
	path string
}

// get reads a page as a caller.
func (r *rig) get(who, path string, headers ...string) answer {
	r.t.Helper()
	return r.do(who, http.MethodGet, path, "", headers...)
}

// do makes a request of a browser: a body is that of a form.
func (r *rig) do(who, method, path, body string, headers ...string) answer {
	r.t.Helper()
	req := httptest.NewRequestWithContext(r.t.Context(), method, path, strings.NewReader(body))
	req.Header.Set("X-Caller", who)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	return answer{w, path}
}

// text returns the page, after checking its status.
func (a answer) text(t testing.TB, status int) string {
	t.Helper()
	require.Equal(t, status, a.Code, "%s: %.600s", a.path, a.Body.String())
	return a.Body.String()
}

// rigProfile is a profile that a test makes alone.
func rigProfile() accounts.AccountProfile { return accounts.Optimal100K("DU1000100") }

// gatewaySession are credentials that let an account be switched to.
func gatewaySession() credentials.Set { return credentials.NewGatewaySession() }
