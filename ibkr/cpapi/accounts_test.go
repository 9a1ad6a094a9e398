package cpapi

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
)

func TestAccounts(t *testing.T) {
	c := newFake(t).client()
	a, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.True(t, a.Complete)
	require.Equal(t, []broker.Account{
		{ID: "All", Kind: broker.Group, Mode: "", Tradable: false},
		{ID: mine, Alias: "first", Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true},
		{ID: "DU100001C", Kind: broker.Segment, Mode: accounts.ModePaper, Currency: "USD"},
		{ID: theirs, Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true},
		{ID: view, Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD"},
	}, a.List)
}

// The mode of an account is what every source says, and none where they contradict each other.
func TestModes(t *testing.T) {
	paper, live := boolean(true), boolean(false)
	is, isNot := true, false
	for name, c := range map[string]struct {
		id       string
		kind     text
		sessions []any
		want     accounts.TradingMode
	}{
		"paper by all":            {"DU1", "DEMO", []any{&paper, &is}, accounts.ModePaper},
		"live by all":             {"U1", "INDIVIDUAL", []any{&live, &isNot}, accounts.ModeLive},
		"nobody else says":        {"U1", "", []any{(*boolean)(nil), (*bool)(nil)}, accounts.ModeLive},
		"the id says live":        {"U1", "DEMO", []any{&paper, &is}, ""},
		"the server says live":    {"DU1", "DEMO", []any{&live}, ""},
		"the type says paper":     {"U1", "DEMO", nil, ""},
		"the web session says so": {"U1", "", []any{&live, &is}, ""},
	} {
		require.Equal(t, c.want, modeOf(c.id, c.kind, c.sessions...), name)
	}
}

// The web session of a gateway tells whether it is on paper, and is one source more.
func TestModeOfTheWebSession(t *testing.T) {
	f := newFake(t)
	f.routes["GET /sso/validate"] = always(200, `{"USER_ID":1,"LOGIN_TYPE":1}`)
	f.build()
	a, err := f.client().Accounts(t.Context())
	require.NoError(t, err)
	require.Empty(t, a.List[1].Mode, "the id says paper and the web session live")
}

// An advisor's clients are not among /portfolio/accounts.
func TestAccountsOfAnAdvisor(t *testing.T) {
	f := newFake(t)
	f.on("GET /portfolio/accounts", always(200, portfolioAccounts("DU100001", "DU100003")))
	f.on("GET /portfolio/subaccounts", always(200, portfolioAccounts("DU100002")))
	a, err := f.client().Accounts(t.Context())
	require.NoError(t, err)
	for _, row := range a.List {
		require.Equal(t, row.Kind == broker.WholeAccount, row.Currency == "USD", "%+v", row)
	}
}

// An order in an advisor's own account is shared out among clients: it is no account to trade in.
func TestAdvisorsOwnAccountIsAGroup(t *testing.T) {
	may := traded{Accounts: []string{"DF100001", "DU100001"}, Props: map[string]acProp{"DF100001": {HasChildren: true}, "DU100001": {}}}
	list := accountsOf(&may, nil, nil)
	require.Equal(t, []broker.AccountKind{broker.Group, broker.WholeAccount}, []broker.AccountKind{list[0].Kind, list[1].Kind})
	require.False(t, list[0].Tradable)
}

// Public source: Lean.IB#228: a default group overrode the account of an order.
func TestReport05GroupsAreNoAccounts(t *testing.T) {
	f := newFake(t)
	c := f.client()
	before := f.count("POST /iserver/account/All/orders")
	for _, id := range []broker.AccountID{"All", "DU100001C", "", "U9", "du100001"} {
		_, err := c.Place(t.Context(), id, limit("r", "1", "90"))
		require.ErrorIs(t, err, broker.ErrForeignAccount, "%q", id)
		_, err = c.Positions(t.Context(), id)
		require.ErrorIs(t, err, broker.ErrForeignAccount, "%q", id)
		_, err = c.Cash(t.Context(), id)
		require.ErrorIs(t, err, broker.ErrForeignAccount, "%q", id)
	}
	require.Equal(t, before, f.count("POST /iserver/account/All/orders"))
	require.Empty(t, f.asked(func(c call) bool { return c.Method == http.MethodPost && c.Path == "/iserver/account" }), "an account was selected")
}

// Public sources: ibind#122, ibind#111. The session has to be told of its accounts, and again after it forgot.
func TestReport25AccountIDNotValid(t *testing.T) {
	f := newFake(t)
	c := f.client()
	first := f.count("GET /iserver/accounts")
	f.on("GET /iserver/account/orders", always(400, `{"error":"accountId is not valid","statusCode":400}`))
	_, err := c.Orders(t.Context(), mine)
	var refusal *APIError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "accountId is not valid", refusal.Reason)
	f.on("GET /iserver/account/orders", always(200, orderList()))
	_, err = c.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.Equal(t, first+1, f.count("GET /iserver/accounts"), "the session was told of its accounts again")
}

// Right after a login the lists of accounts may be empty or short, and a moment later whole. The session asks again
// until they are: an account is not refused because the broker has not told of it yet.
func TestAccountsThatAreToldLate(t *testing.T) {
	const all = `{"accounts":["DU100001","DU100002"],"selectedAccount":"DU100001","isPaper":true}`
	rows := portfolioAccounts("DU100001", "DU100002")
	for name, c := range map[string]struct {
		may, see string
		refused  bool // whether the account may be traded is not known
	}{
		"nothing to trade":  {`{"accounts":[],"selectedAccount":"","isPaper":true}`, rows, true},
		"nothing to view":   {all, `[]`, false},
		"nothing":           {`{"accounts":[]}`, `[]`, true},
		"one without a row": {all, portfolioAccounts("DU100001"), false},
	} {
		f := newFake(t)
		whole := make(chan struct{})
		becomes := func(before, after string) answerer {
			return func(int, call) (int, string) {
				select {
				case <-whole:
					return 200, after
				default:
					return 200, before
				}
			}
		}
		f.on("GET /iserver/accounts", becomes(c.may, all))
		f.on("GET /portfolio/accounts", becomes(c.see, rows))
		f.on("GET /portfolio/subaccounts", always(200, `[]`))
		cl := f.client()
		a, err := cl.Accounts(t.Context())
		require.NoError(t, err, name)
		require.False(t, a.Complete, name)
		if c.refused {
			_, err = cl.Place(t.Context(), theirs, limit("early", "1", "90"))
			require.ErrorIs(t, err, broker.ErrNotConnected, name)
			require.NotErrorIs(t, err, broker.ErrRejected, name)
			_, err = cl.Orders(t.Context(), theirs)
			require.ErrorIs(t, err, broker.ErrNotConnected, name)
			_, err = cl.Executions(t.Context(), theirs, time.Now())
			require.ErrorIs(t, err, broker.ErrNotConnected, name)
			require.ErrorIs(t, cl.Cancel(t.Context(), theirs, "x"), broker.ErrNotConnected, name)
			require.ErrorIs(t, cl.CancelByID(t.Context(), theirs, "7"), broker.ErrNotConnected, name)
		}
		events, err := cl.Watch(t.Context())
		require.NoError(t, err)
		heard(t, events, broker.Event{Kind: broker.EventSession}) // every watch begins with it
		close(whole)
		heard(t, events, broker.Event{Kind: broker.EventSession})
		until(t, "all accounts: "+name, func() bool { a, err := cl.Accounts(t.Context()); return err == nil && a.Complete })
		_, err = cl.Place(t.Context(), theirs, limit("late", "1", "90"))
		require.NoError(t, err, name)
		require.Zero(t, f.count(initPath), "it was the same session all the time")
		require.NoError(t, cl.Close())
	}
}

// An answer that lacks an account of before does not take the account away, and is asked for again.
func TestAccountsAreNotForgotten(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /iserver/accounts", always(200, `{"accounts":["DU100001"]}`))
	f.on("GET /iserver/account/orders", always(400, `{"error":"accountId is not valid","statusCode":400}`))
	_, err := c.Orders(t.Context(), mine)
	require.Error(t, err)
	f.on("GET /iserver/account/orders", always(200, orderList()))
	_, err = c.Orders(t.Context(), mine) // which tells the session of its accounts again
	require.NoError(t, err)
	require.False(t, c.isTold())
	_, err = c.Place(t.Context(), theirs, limit("r", "1", "90"))
	require.NoError(t, err)
}

// Many callers that find the session without its accounts ask once.
func TestAccountsAreAskedForOnce(t *testing.T) {
	f := newFake(t)
	c := f.client()
	c.mu.Lock()
	c.prepared = false
	c.mu.Unlock()
	before := f.count("GET /portfolio/accounts")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			_, err := c.Cash(t.Context(), mine)
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, before+1, f.count("GET /portfolio/accounts"))
}
