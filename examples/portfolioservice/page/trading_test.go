package page

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/risk"
)

// decision returns the form of a decision about one of ann's accounts, with a reason.
func (r *rig) decision(name, act, reason string) filled {
	r.t.Helper()
	text := r.get("ann", r.path(name, act)).text(r.t, http.StatusOK)
	return formTo(r.t, text, r.path(name, act)).with("reason", reason)
}

// A person halts, reduces and resumes, each with a reason, and the page says how that went.
func TestHaltReduceResume(t *testing.T) {
	r := rich(t)
	state := func() risk.TradingState { return r.portfolio("ann", "Balanced-50K").Snapshot().Risk.State }
	text := r.follow("ann", r.send("ann", r.decision("Balanced-50K", "halt", "news about XLE")))
	require.Equal(t, risk.TradingHalted, state())
	require.Contains(t, plain(text), "Balanced-50K is halted")
	require.Contains(t, plain(text), "news about XLE")
	r.send("ann", formTo(t, text, r.path("Balanced-50K", "halt")).with("reason", "once more"))
	require.Equal(t, risk.TradingHalted, state(), "halting again changes nothing")
	r.follow("ann", r.send("ann", r.decision("Balanced-50K", "reduce", "later")))
	require.Equal(t, risk.TradingReducing, state())
	r.follow("ann", r.send("ann", r.decision("Balanced-50K", "resume", "seen")))
	require.Equal(t, risk.TradingActive, state())

	before := r.stand()
	for _, act := range []string{"halt", "reduce", "resume"} {
		for _, bad := range []string{"", "  ", "a\nb", strings.Repeat("x", 501)} {
			text := r.send("ann", r.decision("Balanced-50K", act, bad)).text(t, http.StatusUnprocessableEntity)
			require.Contains(t, text, `class="err"`)
		}
	}
	require.Equal(t, before, r.stand())
	require.Contains(t, r.get("ann", r.path("Conservative-250K", "resume")).text(t, http.StatusOK), "Stay halted")
}

// What cannot be resumed is not, and says why.
func TestResumeNeedsEquity(t *testing.T) {
	r := newRig(t)
	r.create("ann", rigProfile())
	p := r.portfolio("ann", "Optimal-100K")
	_, err := p.Record(owned("ann"), trade("x", 1, "SPY 1 500", rigNow.Add(-time.Hour)))
	require.NoError(t, err)
	require.NoError(t, p.Halt(owned("ann"), "stop"))
	text := r.send("ann", r.decision("Optimal-100K", "resume", "go")).text(t, http.StatusConflict)
	require.Contains(t, text, "Equity is not known")
	require.Equal(t, risk.TradingHalted, p.Snapshot().Risk.State)
}

// Halting all halts every account of the caller's, and of nobody else's.
func TestHaltAll(t *testing.T) {
	r := rich(t)
	text := r.get("ann", "/halt").text(t, http.StatusOK)
	require.Contains(t, text, "Halt the 3 accounts that trade?", "one is halted already")
	r.do("ann", http.MethodPost, "/halt", "reason=").text(t, http.StatusUnprocessableEntity)
	text = r.follow("ann", r.send("ann", formTo(t, text, "/halt").with("reason", "everything")))
	require.Contains(t, text, "Every account is halted")
	for name := range r.ids {
		want, owner := risk.TradingHalted, "ann"
		if name == "Bob's own" {
			want, owner = risk.TradingActive, "bob"
		}
		require.Equal(t, want, r.portfolio(owner, name).Snapshot().Risk.State, name)
	}
}

// Switching asks before a live account, prefers the account, and moves nothing else.
func TestSwitch(t *testing.T) {
	r := rich(t)
	for _, name := range []string{"Optimal-100K", "Balanced-50K"} {
		require.NoError(t, r.manager.SetCredentials(owned("ann"), r.ids[name], gatewaySession()))
	}
	active := func() string {
		p, err := r.manager.ActiveProfile(owned("ann"))
		if err != nil {
			return ""
		}
		return p.Name
	}
	home := r.get("ann", r.path("Optimal-100K")).text(t, http.StatusOK)
	require.Equal(t, r.path("Balanced-50K"), r.send("ann", formTo(t, home, r.path("Balanced-50K", "switch"))).Header().Get("Location"), "paper money takes one tap")
	require.Equal(t, "Balanced-50K", active())
	a := r.do("ann", http.MethodPost, r.path("Optimal-100K", "switch"), "from="+url.QueryEscape(string(r.ids["Balanced-50K"])))
	text := r.follow("ann", a)
	require.Equal(t, "Balanced-50K", active(), "real money is asked for first")
	require.Contains(t, text, "From Balanced-50K")
	require.Contains(t, text, "Stay in Balanced-50K")
	r.follow("ann", r.send("ann", formTo(t, text, r.path("Optimal-100K", "switch"))))
	require.Equal(t, "Optimal-100K", active())
	text = r.do("ann", http.MethodPost, r.path("Aggressive-25K", "switch"), "").text(t, http.StatusConflict)
	require.Contains(t, text, "Aggressive-25K has no login at the broker yet.")
	require.Equal(t, "Optimal-100K", active())
	require.NotContains(t, r.get("ann", r.path("Optimal-100K", "switch")+"?from="+string(r.ids["Bob's own"])).text(t, http.StatusOK), "Bob")
}

// Who may only look is asked for nothing.
func TestRightsOfActs(t *testing.T) {
	r := rich(t)
	r.auth.set("checker", httpapi.Caller{Name: "checker", Owner: "ann", Rights: httpapi.Read | httpapi.Check})
	f := r.ticket("Balanced-50K", buyXLE...)
	text := r.send("checker", f).text(t, http.StatusOK)
	require.Contains(t, text, "You may check orders, but not place them.")
	require.NotContains(t, text, "/place")
}
