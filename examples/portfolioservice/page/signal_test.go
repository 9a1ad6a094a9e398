package page

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// aSignalOf returns the page of a signal, filled in.
func (r *rig) aSignalOf(pairs ...string) filled {
	r.t.Helper()
	text := r.get("ann", "/signal").text(r.t, http.StatusOK)
	return formTo(r.t, text, "/signal").with("symbol", "XLE", "limit", "91.20").with(pairs...)
}

// asked checks a signal, and returns the form that places it.
func (r *rig) asked(f filled) filled {
	r.t.Helper()
	text := r.send("ann", f).text(r.t, http.StatusOK)
	checkPage(r.t, r, "/signal", text)
	m := regexp.MustCompile(`href="(/signal/place\?[^"]*)"`).FindStringSubmatch(text)
	require.NotNil(r.t, m, "nothing can be placed: %s", plain(text))
	text = r.get("ann", html.UnescapeString(m[1])).text(r.t, http.StatusOK)
	checkPage(r.t, r, "/signal/place", text)
	return formTo(r.t, text, "/signal/place")
}

// A signal is each account's own size or refusal, is placed once, and says what became of it in each.
func TestSignal(t *testing.T) {
	r := rich(t)
	before := r.stand()
	text := r.send("ann", r.aSignalOf()).text(t, http.StatusOK)
	require.Contains(t, text, "2 of 4 allowed")
	require.Contains(t, plain(text), "Trading is halted")
	f := r.asked(r.aSignalOf())
	require.Equal(t, before, r.stand(), "checking and asking write nothing")
	require.Equal(t, "live", f.values.Get("confirm"))
	text = r.follow("ann", r.send("ann", f))
	require.Equal(t, 2, strings.Count(text, "Held, not sent"))
	require.Equal(t, 2, strings.Count(text, "Refused</span>"))
	for name, orders := range map[string]int{"Optimal-100K": 3, "Balanced-50K": 1, "Aggressive-25K": 0, "Conservative-250K": 0} {
		require.Len(t, r.ordersOf(name), orders, name)
	}
	stand := r.stand()
	require.Equal(t, text, r.follow("ann", r.send("ann", f)), "the same page again makes no second order")
	require.Equal(t, stand, r.stand())
	require.Contains(t, r.send("ann", f.with("limit", "91.10")).text(t, http.StatusConflict), "This signal was placed already.")
	require.Len(t, r.ordersOf("Balanced-50K"), 1)
}

// All or none trades in all accounts, or in none.
func TestAllOrNone(t *testing.T) {
	r := rich(t)
	text := r.send("ann", r.aSignalOf("all", "yes")).text(t, http.StatusOK)
	require.Contains(t, text, "none would trade")
	require.NotContains(t, text, "/signal/place?")
	f := r.aSignalOf("all", "yes")
	f.values["to"] = []string{string(r.ids["Balanced-50K"]), string(r.ids["Optimal-100K"])}
	place := r.asked(f)
	require.NoError(t, r.portfolio("ann", "Balanced-50K").Halt(owned("ann"), "in between"))
	text = r.follow("ann", r.send("ann", place))
	require.Contains(t, text, "Refused</span>")
	require.Empty(t, r.ordersOf("Balanced-50K"))
	require.Len(t, r.ordersOf("Optimal-100K"), 2, "the other account's order was let go")
}

// Real money is asked for, and changed accounts are checked again.
func TestSignalAsks(t *testing.T) {
	r := rich(t)
	f := r.asked(r.aSignalOf())
	before := r.stand()
	without := f.with()
	without.values.Del("confirm")
	require.Contains(t, r.follow("ann", r.send("ann", without)), "Place 2 orders, 1 of them live?")
	require.Equal(t, before, r.stand())
	p, err := r.manager.Profile(owned("ann"), r.ids["Balanced-50K"])
	require.NoError(t, err)
	p.RiskTolerance = "low"
	_, err = r.manager.UpdateProfile(owned("ann"), p)
	require.NoError(t, err)
	before = r.stand()
	require.Contains(t, r.send("ann", f).text(t, http.StatusConflict), "Accounts were changed since this was checked")
	require.Equal(t, before, r.stand())
	paper := r.aSignalOf()
	paper.values["to"] = []string{string(r.ids["Balanced-50K"])}
	require.False(t, r.asked(paper).values.Has("confirm"))
}

// Every way to size needs its own figures and no others; other wrong fields are told beside them.
func TestSignalFields(t *testing.T) {
	r := rich(t)
	before := r.stand()
	figures := map[string][]string{"level": {}, "fraction": {"fraction", "2"}, "units": {"units", "7"}, "amount": {"amount", "1000"}, "confidence": {"confidence", "60"},
		"volatility": {"volatility", "20", "target", "1"}, "kelly": {"confidence", "60", "payoff", "2", "part", "10"}}
	require.Len(t, figures, len(sizers))
	for size, own := range figures {
		text := r.send("ann", r.aSignalOf("size", size).with(own...)).text(t, http.StatusOK)
		require.NotContains(t, text, `class="err"`, size)
		require.Contains(t, text, "Checked at", size)
		if size == "units" {
			require.Contains(t, text, "<b>7</b>", "the quantity is the same in each account")
		}
		if len(own) > 0 {
			require.Contains(t, r.send("ann", r.aSignalOf("size", size)).text(t, http.StatusUnprocessableEntity), "This is needed.", size)
			require.Contains(t, r.send("ann", r.aSignalOf().with(own...)).text(t, http.StatusUnprocessableEntity), "This does not belong to", size)
		}
	}
	for _, bad := range [][]string{{"symbol", ""}, {"limit", "x"}, {"limit", "0"}, {"limit", "-3"}, {"action", "hold"}, {"size", "all"}, {"tif", ""}, {"size", "fraction", "fraction", "x"},
		{"size", "confidence", "confidence", "101"}, {"kind", "OPT"}, {"strategy", strings.Repeat("s", 51)}} {
		text := r.send("ann", r.aSignalOf(bad...)).text(t, http.StatusUnprocessableEntity)
		require.Contains(t, text, `class="err"`, bad)
		require.NoError(t, wellFormed(text))
	}
	none := r.aSignalOf()
	none.values.Del("to")
	require.Contains(t, r.send("ann", none).text(t, http.StatusUnprocessableEntity), "Choose at least one account.")
	foreign := r.aSignalOf("to", string(r.ids["Bob's own"]))
	text := r.send("ann", foreign).text(t, http.StatusNotFound)
	require.NotContains(t, text, "Bob")
	twice := r.aSignalOf()
	twice.values["to"] = append(twice.values["to"], twice.values["to"][0])
	r.send("ann", twice).text(t, http.StatusBadRequest)
	r.get("ann", "/signal/nope").text(t, http.StatusNotFound)
	r.get("ann", "/signal/"+newOnce()+"?to="+string(r.ids["Bob's own"])).text(t, http.StatusNotFound)
	require.Contains(t, r.get("ann", "/signal/"+newOnce()+"?to="+string(r.ids["Balanced-50K"])).text(t, http.StatusOK), "No order")
	require.Equal(t, before, r.stand())
}

// Closing closes what each account holds.
func TestSignalCloses(t *testing.T) {
	r := rich(t)
	f := r.aSignalOf("action", "close", "symbol", "GLD", "limit", "")
	f.values["to"] = []string{string(r.ids["Balanced-50K"]), string(r.ids["Optimal-100K"])}
	r.follow("ann", r.send("ann", r.asked(f)))
	for _, name := range []string{"Balanced-50K", "Optimal-100K"} {
		p := r.portfolio("ann", name)
		held, _ := p.Position(ledger.NewStock("GLD", "USD").Key())
		var left ledger.Decimal
		for _, w := range p.Snapshot().Risk.Orders {
			if w.Instrument.Symbol == "GLD" {
				left = left.Add(w.Quantity)
			}
		}
		require.True(t, left.Equal(held.Quantity.Neg()), "%s: %s is closed by %s", name, held.Quantity, left)
	}
}
