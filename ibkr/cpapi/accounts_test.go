package cpapi

import (
	"net/http"
	"testing"

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
