package cpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// pages answers with pages of positions, and with an empty one after them.
func pages(list ...string) answerer {
	return func(_ int, c call) (int, string) {
		var n int
		_, _ = fmt.Sscan(c.Path[strings.LastIndex(c.Path, "/")+1:], &n)
		if n < len(list) {
			return 200, list[n]
		}
		return 200, "[]"
	}
}

func TestPositions(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /portfolio2/{account}/positions", always(200, recorded(t, "Portfolio-GET-portfolio2-positions")))
	f.on("GET /portfolio/{account}/positions/{page}", pages(recorded(t, "Portfolio-GET-portfolio-positions-page0"),
		recorded(t, "Portfolio-GET-portfolio-position-by-conid"), `[{"acctId":"DU100001","conid":700,"position":-2.0,"avgCost":150,"avgPrice":1.5,"multiplier":"100"}]`))
	out, err := c.Positions(t.Context(), mine)
	require.NoError(t, err)
	require.True(t, out.Complete)
	got := map[ledger.InstrumentKey][]string{}
	for _, p := range out.List {
		got[p.Instrument.Key()] = []string{p.Quantity.String(), p.Average.String(), p.Mark.Price.String()}
	}
	require.Equal(t, map[ledger.InstrumentKey][]string{
		"STK:QQQ:USD": {"3", "584.31333335", "584.679992675781"}, "STK:SPY:USD": {"44", "652.47477275", "655.894592285156"},
		"OPT:SPXW:20270115:C:5000:100:USD": {"-2", "1.5", "0"},
	}, got)
	require.Equal(t, time.Unix(1775169611, 0).UTC(), out.List[0].Mark.Time, "the broker's own time")
	require.True(t, out.List[2].Mark.Time.IsZero())
	require.Equal(t, 1, f.count("POST /portfolio/DU100001/positions/invalidate"), "positions are cached until they are invalidated")
}

// The pages of positions come from a cache: where they lack what is held by now, they prove nothing.
func TestPagesThatAreOld(t *testing.T) {
	row := func(conid, quantity string) string {
		return fmt.Sprintf(`{"acctId":"DU100001","conid":%s,"position":%s}`, conid, quantity)
	}
	for name, c := range map[string]struct {
		pages, now string
		complete   bool
	}{
		"the same":           {"[" + row("756733", "2") + "]", "[" + row("756733", "2.0") + "]", true},
		"an empty page":      {"[]", "[" + row("756733", "2") + "]", false},
		"another quantity":   {"[" + row("756733", "2") + "]", "[" + row("756733", "3") + "]", false},
		"closed by now":      {"[" + row("756733", "2") + "]", "[" + row("756733", "0") + "]", false},
		"closed in both":     {"[]", "[" + row("756733", "0") + "]", true},
		"in two models":      {"[" + row("756733", "5") + "]", "[" + row("756733", "2") + "," + row("756733", "3") + "]", true},
		"in the pages alone": {"[" + row("756733", "2") + "," + row("320227571", "1") + "]", "[" + row("756733", "2") + "]", true},
		"nothing in either":  {"[]", "[]", true},
	} {
		f := newFake(t)
		f.on("GET /portfolio/{account}/positions/{page}", pages(c.pages))
		f.on("GET /portfolio2/{account}/positions", always(200, c.now))
		out, err := f.client().Positions(t.Context(), mine)
		require.NoError(t, err)
		require.Equal(t, c.complete, out.Complete, name)
	}
}

// What the pages alone have may have been closed in the meantime: the pages that are asked for next tell.
func TestPagesOfWhatWasClosed(t *testing.T) {
	const row = `{"acctId":"DU100001","conid":756733,"position":-1}`
	for _, c := range []struct {
		again string
		want  int
	}{{"[]", 0}, {"[" + row + "]", 1}} {
		f := newFake(t)
		f.on("GET /portfolio/{account}/positions/{page}", func(n int, _ call) (int, string) {
			return 200, []string{"[" + row + `,{"acctId":"DU100002","conid":700,"position":1}]`, "[]", c.again, "[]"}[n]
		})
		out, err := f.client().Positions(t.Context(), mine)
		require.NoError(t, err)
		require.True(t, out.Complete)
		require.Len(t, out.List, c.want)
		require.Zero(t, out.Foreign, "rows of an answer that was not taken")
	}
}

// A contract may be held in several models, and may come twice when rows move between pages.
func TestPositionsThatComeTwice(t *testing.T) {
	row := func(model string) string {
		return fmt.Sprintf(`{"acctId":"DU100001","conid":756733,"position":2,"model":%q}`, model)
	}
	for name, c := range map[string]struct {
		rows     []string
		quantity string
		complete bool
	}{
		"two models":  {[]string{"[" + row("a") + "," + row("b") + "]"}, "4", true},
		"moved pages": {[]string{"[" + row("") + "]", "[" + row("") + "]"}, "2", false},
	} {
		f := newFake(t)
		f.on("GET /portfolio/{account}/positions/{page}", pages(c.rows...))
		out, err := f.client().Positions(t.Context(), mine)
		require.NoError(t, err)
		require.Len(t, out.List, 1, name)
		require.Equal(t, c.quantity, out.List[0].Quantity.String(), name)
		require.Equal(t, c.complete, out.Complete, name)
	}
}

// Public source: nautilus#5007: an account's name was changed on its way, and zero fills came back.
func TestReport07IdsVerbatim(t *testing.T) {
	f := newFake(t)
	c := f.client()
	_, err := c.Positions(t.Context(), theirs)
	require.NoError(t, err)
	_, err = c.Orders(t.Context(), theirs)
	require.NoError(t, err)
	require.Equal(t, 1, f.count("GET /portfolio/DU100002/positions/0"))
	for _, c := range f.asked(func(c call) bool { return c.Path == "/iserver/account" }) {
		require.JSONEq(t, `{"acctId":"DU100002"}`, c.Body)
	}
	f.on("GET /portfolio2/{account}/positions", always(503, "<html>"))
	_, err = c.Positions(t.Context(), theirs)
	require.Error(t, err)
}

// Public source: nautilus#878: the balances of All were taken for the account's.
func TestReport06BalancesOfAll(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /portfolio/{account}/ledger", always(200, strings.ReplaceAll(recorded(t, "Portfolio-GET-portfolio-ledger"), "DU100001", "All")))
	_, err := c.Cash(t.Context(), mine)
	require.ErrorIs(t, err, broker.ErrForeignAccount)
}

// The rate is the worth of a unit in the base currency, whichever way the API writes it: the sums decide.
func TestRates(t *testing.T) {
	row := func(currency, cash, worth, rate string) ledgerRow {
		n := func(s string) number { v, _ := parseNumber(s); return v }
		return ledgerRow{Currency: currency, Cash: n(cash), Worth: n(worth), Rate: n(rate), Stocks: n("0")}
	}
	for name, c := range map[string]struct {
		eur, base ledgerRow
		want      string
	}{
		"worth of a unit":       {row("EUR", "1000", "1000", "1.25"), row("BASE", "2250", "2250", "1"), "1.25"},
		"units of a base unit":  {row("EUR", "1000", "1000", "0.8"), row("BASE", "2250", "2250", "1"), "1.25"},
		"by what is held":       {row("EUR", "0", "1000", "1.25"), row("BASE", "1000", "2250", "1"), "1.25"},
		"noise":                 {row("EUR", "1000", "1000", "1.25"), row("BASE", "2250.9", "2250.2", "1"), "1.25"},
		"nothing to prove by":   {row("EUR", "0", "0", "1.25"), row("BASE", "1000", "1000", "1"), "0"},
		"sums that fit neither": {row("EUR", "1000", "1000", "1.25"), row("BASE", "9999", "9999", "1"), "0"},
		"no rate":               {row("EUR", "1000", "1000", ""), row("BASE", "1000", "1000", "1"), "0"},
	} {
		list := balances(map[string]ledgerRow{"USD": row("USD", "1000", "1000", "1"), "EUR": c.eur, "BASE": c.base}, "USD")
		require.Len(t, list, 2, name)
		require.Equal(t, []ledger.Currency{"EUR", "USD"}, []ledger.Currency{list[0].Currency, list[1].Currency})
		require.Equal(t, c.want, list[0].Rate.String(), name)
		require.Equal(t, "1", list[1].Rate.String(), "the base currency")
	}
	list := balances(map[string]ledgerRow{"EUR": row("EUR", "1", "1", "1.25")}, "USD")
	require.True(t, list[0].Rate.IsZero(), "without a row of sums nothing is proven")
}

// What open futures have gained is in the cash, whether the row's own cash has it or not.
func TestCashOfFutures(t *testing.T) {
	n := func(s string) number { v, _ := parseNumber(s); return v }
	for name, c := range map[string]struct {
		worth, futures, want string
	}{
		"no futures": {"1000", "0", "700"}, "beside the cash": {"1150.3", "150", "850"}, "in the cash": {"1000.3", "150", "700"},
		"a loss beside it": {"850", "-150", "550"}, "a worth that is not told": {"", "150", "700"},
	} {
		row := ledgerRow{Cash: n("700"), Stocks: n("290"), Interest: n("10"), Worth: n(c.worth), Futures: n(c.futures)}
		require.Equal(t, c.want, row.cash().String(), name)
	}
}

// A marker of a price says that it is none of now.
func TestQuotesOfSnapshots(t *testing.T) {
	at := `,"_updated":1775086847000,"conid":756733`
	for body, want := range map[string]string{
		`{"31":"193.18","84":"193.1","86":"193.2","6509":"RB"` + at: "193.18 193.1 193.2",
		`{"31":"C193.18","84":"","86":null,"6509":"RpB"` + at:       "193.18 0 0 closing",
		`{"31":"H193.18","6509":"R"` + at:                           "193.18 0 0 halted",
		`{"31":"1,193.18","84":1193,"86":"1193.5","6509":"R"` + at:  "1193.18 1193 1193.5",
		`{"31":"193.18","6509":"DPB"` + at:                          "193.18 0 0 delayed",
		`{"31":"193.18","6509":"Y"` + at:                            "193.18 0 0 delayed closing",
		`{"31":"193.18","6509":"Z"` + at:                            "193.18 0 0 closing",
		`{"31":"193.18","6509":"S"` + at:                            "193.18 0 0 delayed",
		`{"31":"193.18","6509":"N"` + at:                            "none",
		`{"31":"193.18","6509":"O"` + at:                            "none",
		`{"31":"193.18","84":"-1","86":"-1","6509":"R"` + at:        "193.18 0 0",
		`{"6509":"R"` + at:                                          "none",
		`{"31":"193.18","6509":"R","conid":756733`:                  "none",
		`{"31":"nonsense","6509":"R"` + at:                          "error",
	} {
		rows, err := decodeSnapshots(&reply{status: 200, body: []byte("[" + body + "}]")})
		require.NoError(t, err, body)
		q, ok, err := rows[0].quote(spy)
		got := fmt.Sprintf("%s %s %s", q.Last, q.Bid, q.Ask)
		for _, w := range []struct {
			is   bool
			word string
		}{{q.Delayed, " delayed"}, {q.Closing, " closing"}, {q.Halted, " halted"}} {
			if w.is {
				got += w.word
			}
		}
		switch {
		case err != nil:
			got = "error"
		case !ok:
			got = "none"
		}
		require.Equal(t, want, got, body)
	}
}

// The first snapshot has nothing but contracts, and later ones fill by and by.
func TestQuotesWarmUp(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /trsrv/stocks", func(_ int, c call) (int, string) {
		if c.r.URL.Query().Get("symbols") != "SPY" {
			return 200, `{"NOPE":[]}`
		}
		return 200, `{"SPY":[{"contracts":[{"conid":756733,"isUS":true}]}]}`
	})
	f.on("GET /iserver/marketdata/snapshot", func(n int, _ call) (int, string) {
		return 200, []string{`[{"conid":756733,"conidEx":"756733"},{"conid":1,"31":"5","_updated":1}]`, `[{"conid":756733,"84":"90","6509":"R"}]`,
			`[{"conid":756733,"31":"91","86":"92","_updated":1775086847000}]`}[min(n, 2)]
	})
	nope := ledger.NewStock("NOPE", "USD")
	quotes, err := c.Quotes(t.Context(), []ledger.Instrument{nope, ledger.NewStock("SPY", "USD")})
	require.NoError(t, err)
	require.Len(t, quotes, 1)
	require.Equal(t, "90", quotes[0].Bid.String())
	require.Equal(t, 3, f.count("GET /iserver/marketdata/snapshot"), "looked again until there was a price")
	require.Equal(t, 1, f.count("GET /iserver/accounts"), "snapshots want the accounts to be called first")
}

func TestOptionByTerms(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /iserver/secdef/search", always(200, `[{"conid":"416904","symbol":"SPX","sections":[{"secType":"IND"},{"secType":"OPT","months":"JAN27"}]},{"conid":"9","symbol":"SPX","sections":[{"secType":"STK"}]}]`))
	f.on("GET /iserver/secdef/strikes", always(200, `{"call":[4900.0,5000.0],"put":[5000.0]}`))
	f.on("GET /iserver/secdef/info", always(200, `[{"conid":701,"maturityDate":"20270115","tradingClass":"SPX"},{"conid":700,"maturityDate":"20270115","tradingClass":"SPXW"},{"conid":5,"maturityDate":"20270122","tradingClass":"SPXW"}]`))
	i := ledger.NewOption("SPXW", 20270115, ledger.Call, dec("5000"), "USD")
	i.Underlying = "SPX"
	id, err := c.conid(t.Context(), i, prioRest)
	require.NoError(t, err)
	require.Equal(t, int64(700), id)
	var order []string
	for _, c := range f.asked(func(c call) bool { return strings.HasPrefix(c.Path, "/iserver/secdef/") }) {
		order = append(order, c.Path)
		require.NotContains(t, c.Query, "name", "a search by name empties the strikes")
	}
	require.Equal(t, []string{"/iserver/secdef/search", "/iserver/secdef/strikes", "/iserver/secdef/info"}, order)
	i.Strike = dec("5100")
	_, err = c.conid(t.Context(), i, prioRest)
	require.ErrorIs(t, err, errNoContract)
	i.Strike, i.ConID = dec("5000"), 701
	_, err = c.conid(t.Context(), i, prioRest)
	require.NoError(t, err, "the key is known")
	i.Strike = dec("4900")
	_, err = c.conid(t.Context(), i, prioRest)
	require.ErrorIs(t, err, errNoContract, "a hint that names another contract is not believed")
}
