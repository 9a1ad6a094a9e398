package page

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// profile reads one of ann's profiles.
func (r *rig) profile(name string) accounts.AccountProfile {
	r.t.Helper()
	p, err := r.manager.Profile(owned("ann"), r.ids[name])
	require.NoError(r.t, err)
	return p
}

// newPage returns the page of a new profile, filled in.
func (r *rig) newPage(pairs ...string) filled {
	r.t.Helper()
	return formTo(r.t, r.get("ann", "/new").text(r.t, http.StatusOK), "/new").with(pairs...)
}

// count returns how many profiles ann has.
func (r *rig) count() int {
	r.t.Helper()
	list, err := r.manager.ListProfiles(owned("ann"), accounts.ProfileFilter{})
	require.NoError(r.t, err)
	return len(list)
}

// A profile begins with a preset; fields that are filled in take the place of the preset's. One page makes one.
func TestCreate(t *testing.T) {
	r := newRig(t)
	f := r.newPage("preset", "25K", "account", "DU1234567")
	r.follow("ann", r.send("ann", f))
	list, err := r.manager.ListProfiles(owned("ann"), accounts.ProfileFilter{})
	require.NoError(t, err)
	require.Len(t, list, 1)
	want := accounts.Aggressive25K("DU1234567")
	require.Equal(t, []any{want.Name, want.CapitalLevel, want.RiskTolerance, want.Mode, (*risk.Limits)(nil)}, []any{list[0].Name, list[0].CapitalLevel, list[0].RiskTolerance, list[0].Mode, list[0].Limits})
	r.follow("ann", r.send("ann", f))
	require.Equal(t, 1, r.count(), "the same page again makes nothing more")
	require.Contains(t, r.send("ann", f.with("name", "Another")).text(t, http.StatusConflict), "A profile was made by this page already.")
	r.follow("ann", r.send("ann", r.newPage("preset", "own", "account", "U1234568", "name", "Mine", "level", "75k", "tolerance", "low", "currency", "EUR", "type", "cash")))
	require.Equal(t, 2, r.count())
	mine, err := r.manager.ProfileByAccount(owned("ann"), "U1234568")
	require.NoError(t, err)
	require.Equal(t, []any{accounts.ModeLive, ledger.Currency("EUR"), accounts.CapitalLevel("75K"), risk.CashAccount}, []any{mine.Mode, mine.BaseCurrency, mine.CapitalLevel, mine.Limits.Account})

	require.Contains(t, r.send("ann", r.newPage("account", "DU1234569", "name", "Mine")).text(t, http.StatusConflict), "You have a profile of this name.")
	require.Contains(t, r.send("ann", r.newPage("account", "DU1234567", "name", "Other")).text(t, http.StatusConflict), "Another active profile has this account.")
	for _, bad := range [][]string{{"account", ""}, {"account", "X1"}, {"preset", "1M"}, {"preset", "own"}, {"name", strings.Repeat("n", 101)}, {"level", "75"}, {"level", "0K"}, {"tolerance", "none"},
		{"currency", "euro"}, {"type", "ira"}, {"name", "a\x07b"}} {
		text := r.send("ann", r.newPage("account", "DU1234570").with(bad...)).text(t, http.StatusUnprocessableEntity)
		require.Contains(t, text, `class="err"`, bad)
		require.NoError(t, wellFormed(text))
	}
	r.send("ann", r.newPage("account", "DU1234570", "once", "guess")).text(t, http.StatusBadRequest)
	require.Equal(t, 2, r.count())
}

// A profile is changed, unless it has changed meanwhile: then both versions are shown, and one is chosen.
func TestEdit(t *testing.T) {
	r := rich(t)
	path := r.path("Balanced-50K", "edit")
	f := formTo(t, r.get("ann", path).text(t, http.StatusOK), path)
	r.follow("ann", r.send("ann", f.with("name", "Balanced", "host", "gw.example", "port", "4002", "client", "7")))
	p := r.profile("Balanced-50K")
	require.Equal(t, accounts.Gateway{Host: "gw.example", Port: 4002, ClientID: 7}, p.Gateway)
	require.Equal(t, "Balanced", p.Name)
	before := r.stand()
	text := r.send("ann", f.with("level", "60K")).text(t, http.StatusConflict)
	require.Contains(t, text, "Somebody changed this while you wrote. Both versions are below.")
	require.Contains(t, plain(text), "Capital levelYours60KTheirs, now50K")
	require.Contains(t, plain(text), "NameYoursBalanced-50KTheirs, nowBalanced")
	require.NoError(t, wellFormed(text))
	require.Equal(t, before, r.stand())
	r.follow("ann", r.send("ann", formTo(t, text, path)))
	p = r.profile("Balanced-50K")
	require.Equal(t, []any{"Balanced-50K", accounts.CapitalLevel("60K")}, []any{p.Name, p.CapitalLevel}, "the version that was chosen counts")

	f = formTo(t, r.get("ann", path).text(t, http.StatusOK), path)
	before = r.stand()
	for _, bad := range [][]string{{"name", ""}, {"account", "nope"}, {"level", "60"}, {"tolerance", "x"}, {"status", "archived"}, {"port", "0x"}, {"host", "a b", "port", "1"}, {"login", "two words"}, {"port", "70000", "host", "h"}} {
		text := r.send("ann", f.with(bad...)).text(t, http.StatusUnprocessableEntity)
		require.Contains(t, text, `class="err"`, bad)
	}
	require.Contains(t, r.send("ann", f.with("name", "Optimal-100K")).text(t, http.StatusConflict), "You have a profile of this name.")
	require.Contains(t, r.send("ann", f.with("account", "DU1000025")).text(t, http.StatusConflict), "Another active profile has this account.")
	require.Equal(t, before, r.stand())
	r.follow("ann", r.send("ann", f.with("account", "U1000051")))
	require.Equal(t, accounts.ModeLive, r.profile("Balanced-50K").Mode, "the account’s id tells the mode")
}

// Every limit is written as it is read, for every preset.
func TestLimitsStayAsTheyAre(t *testing.T) {
	for _, tolerance := range []accounts.RiskTolerance{accounts.RiskLow, accounts.RiskBalanced, accounts.RiskModerate, accounts.RiskHigh} {
		for _, level := range []accounts.CapitalLevel{"25K", "37K", "50K", "100K", "177K", "250K", "3M"} {
			p := accounts.AccountProfile{ID: "p", CapitalLevel: level, RiskTolerance: tolerance}
			l := p.EffectiveLimits()
			l.GrossExposure = risk.Limit{Amount: dec("12345.67"), Fraction: dec("1.5")}
			l.AllowedSymbols, l.RestrictedSymbols = []string{"SPY", "XLE"}, []string{"GME"}
			p.Limits = &l
			f := limitsForm(&p)
			read := f.limits(l)
			require.True(t, f.ok(), "%s %s: %v", level, tolerance, f.wrong)
			require.True(t, read.Equal(l), "%s %s:\n%+v\n%+v", level, tolerance, l, read)
			require.NoError(t, read.Validate())
		}
	}
}

// Limits are changed by their fields, and a conflict shows both versions.
func TestEditLimits(t *testing.T) {
	r := rich(t)
	path := r.path("Balanced-50K", "limits", "edit")
	page := r.get("ann", path).text(t, http.StatusOK)
	f := formTo(t, page, path)
	r.follow("ann", r.send("ann", f.with("order.share", "5.5", "order.amount", "2500", "positions", "", "allowed", "spy, xle", "markage", "90", "daytrades", "intraday_margin")))
	l := r.profile("Balanced-50K").Limits
	require.NotNil(t, l)
	require.Equal(t, []any{"0.055", "2500", 0, []string{"SPY", "XLE"}, "1m30s"}, []any{l.OrderNotional.Fraction.String(), l.OrderNotional.Amount.String(), l.OpenPositions, l.AllowedSymbols, l.MarkAge.String()})
	require.Equal(t, []risk.DatedPolicy{{Policy: risk.IntradayMargin}}, l.DayTrading)
	before := r.stand()
	text := r.send("ann", f.with("leverage", "2")).text(t, http.StatusConflict)
	require.Contains(t, text, "Somebody changed this while you wrote. Both versions are below.")
	require.Contains(t, plain(text), "LeverageYours2Theirs, now3")
	require.Contains(t, plain(text), "One order, % of equityYours8Theirs, now5.5")
	require.Equal(t, before, r.stand())
	r.follow("ann", r.send("ann", formTo(t, text, path)))
	require.Equal(t, "2", r.profile("Balanced-50K").Limits.Leverage.String())

	page = r.get("ann", path).text(t, http.StatusOK)
	f = formTo(t, page, path)
	before = r.stand()
	for _, bad := range [][]string{{"leverage", ""}, {"leverage", "x"}, {"collar", "100"}, {"warning", "30"}, {"loss.share", "101"}, {"markage", "0"}, {"markage", "1e9"}, {"markage", "99999999999"}, {"positions", "-1"},
		{"perday", "1.5"}, {"kinds", "BAG"}, {"account", "x"}, {"zone", "Nowhere"}, {"zone", "Local"}, {"allowed", "a:b"}, {"daytrades", "x"}, {"warn", "0"}, {"order.amount", "99999999999999999999999"}} {
		text := r.send("ann", f.with(bad...)).text(t, http.StatusUnprocessableEntity)
		require.Contains(t, text, `class="err"`, bad)
		require.NoError(t, wellFormed(text))
	}
	require.Equal(t, before, r.stand())
	for _, form := range formsIn(page) {
		if form.values.Get("defaults") == "yes" {
			r.follow("ann", r.send("ann", form))
		}
	}
	require.Nil(t, r.profile("Balanced-50K").Limits, "the limits of level and tolerance count again")
}

// The zone stays once days are counted in it: the page says so at its field, and the limits of
// level and tolerance leave the zone as it is.
func TestZoneThatCannotChange(t *testing.T) {
	r := newRig(t)
	profile := accounts.Balanced50K("DU1000050")
	limits := profile.EffectiveLimits()
	limits.TimeZone, limits.Leverage = "Asia/Tokyo", dec("2")
	profile.Limits = &limits
	r.create("ann", profile)
	require.NoError(t, r.portfolio("ann", "Balanced-50K").RecordEquity(owned("ann"), rigNow))
	path := r.path("Balanced-50K", "limits", "edit")
	page := r.get("ann", path).text(t, http.StatusOK)
	before := r.stand()
	f := formTo(t, page, path)
	for _, zone := range []string{"Europe/Berlin", ""} {
		text := r.send("ann", f.with("zone", zone, "barred", "XYZ")).text(t, http.StatusUnprocessableEntity)
		require.Equal(t, 1, strings.Count(text, `class="err"`))
		require.Regexp(t, `name="zone"[^>]*aria-invalid="true"`, text)
		require.Contains(t, plain(text), "in which days are counted already.")
		kept := formTo(t, text, path).values
		require.Equal(t, []string{zone, "XYZ"}, []string{kept.Get("zone"), kept.Get("barred")}, "what was typed stays")
		require.NoError(t, wellFormed(text))
	}
	require.Equal(t, before, r.stand())
	forms := 0
	for _, form := range formsIn(page) {
		if form.values.Get("defaults") == "yes" {
			r.follow("ann", r.send("ann", form))
			forms++
		}
	}
	require.Equal(t, 1, forms)
	want := accounts.DefaultLimits(profile.CapitalLevel, profile.RiskTolerance)
	want.TimeZone = "Asia/Tokyo"
	require.True(t, r.profile("Balanced-50K").Limits.Equal(want))
}

// A profile is archived once its name was typed, and never changes again.
func TestArchive(t *testing.T) {
	r := rich(t)
	path := r.path("Balanced-50K", "archive")
	f := formTo(t, r.get("ann", path).text(t, http.StatusOK), path)
	before := r.stand()
	require.Contains(t, r.send("ann", f.with("name", "Balanced")).text(t, http.StatusUnprocessableEntity), `class="err"`)
	r.send("ann", f.with("name", "Balanced-50K", "version", "7")).text(t, http.StatusConflict)
	require.Equal(t, before, r.stand())
	r.follow("ann", r.send("ann", f.with("name", "Balanced-50K")))
	require.Equal(t, accounts.StatusArchived, r.profile("Balanced-50K").Status)
	for _, page := range []string{"edit", "archive", "credentials", "link"} {
		require.Contains(t, r.get("ann", r.path("Balanced-50K", page)).text(t, http.StatusConflict), "Balanced-50K is archived.")
	}
	r.get("ann", r.path("Balanced-50K", "limits", "edit")).text(t, http.StatusConflict)
}

// What a secret is in this test; whoever tells it fails.
const hunter = "hunter2hunter2"

// Secrets go in and never come out: not in a page, not after an error, not in the log.
func TestSecretsStay(t *testing.T) {
	r := rich(t)
	path := r.path("Balanced-50K", "credentials")
	post := func(status int, body string) string {
		a := r.do("ann", http.MethodPost, path, "profile="+string(r.ids["Balanced-50K"])+"&"+body)
		text := a.text(t, status)
		require.NotContains(t, text, "hunter2", body)
		require.NotContains(t, a.Header().Get("Location"), "hunter2")
		require.NotContains(t, r.get("ann", path).text(t, http.StatusOK), "hunter2")
		return text
	}
	post(http.StatusSeeOther, "kind=gateway_login&act=set&username=trader&password="+hunter+"&mode=paper")
	post(http.StatusSeeOther, "kind=flex&act=set&flextoken=123456&flexquery=77")
	text := post(http.StatusUnprocessableEntity, "kind=flex&act=set&flextoken="+hunter+"&flexquery=wrong")
	require.Contains(t, text, `value="wrong"`, "what is no secret stays")
	post(http.StatusUnprocessableEntity, "kind=gateway_login&act=set&username="+hunter+"&password=&mode=live")
	text = post(http.StatusUnprocessableEntity, "kind=oauth_1.0a&act=set&consumerkey="+hunter+"&accesstoken=t&signaturekey="+hunter)
	require.Equal(t, 4, strings.Count(text, `class="err"`), "both keys, the token's secret and the prime")
	post(http.StatusBadRequest, "kind=flex&act=set&password="+hunter)
	post(http.StatusBadRequest, "kind=nothing&act=set&password="+hunter)
	post(http.StatusBadRequest, "kind=flex&act=show&flextoken="+hunter)
	post(http.StatusBadRequest, "kind=flex&act=set&flextoken="+hunter+"&flextoken=2")
	post(http.StatusBadRequest, hunter+"=1")
	require.NotContains(t, r.log.String(), "hunter2")

	page := r.get("ann", path).text(t, http.StatusOK)
	require.Contains(t, page, "Stored")
	require.NotRegexp(t, `type="password"[^>]*value=`, page)
	kinds := func() []credentials.Kind {
		list, err := r.manager.CredentialKinds(owned("ann"), r.ids["Balanced-50K"])
		require.NoError(t, err)
		return list
	}
	require.ElementsMatch(t, []credentials.Kind{credentials.GatewayLogin, credentials.FlexToken}, kinds())
	page = r.get("ann", path+"?delete=flex").text(t, http.StatusOK)
	require.Contains(t, page, "Delete the credentials of Balanced-50K")
	require.Len(t, kinds(), 2, "asking deletes nothing")
	for _, f := range formsIn(page) {
		if f.values.Get("act") == "delete" {
			r.follow("ann", r.send("ann", f))
		}
	}
	require.Equal(t, []credentials.Kind{credentials.GatewayLogin}, kinds())
	for _, page := range r.pages() {
		require.NotContains(t, r.get("ann", page).text(t, http.StatusOK), "hunter2", page)
	}
}

// A password is stored as it was typed, spaces and all.
func TestPasswordIsNotTrimmed(t *testing.T) {
	r := rich(t)
	r.follow("ann", r.do("ann", http.MethodPost, r.path("Balanced-50K", "credentials"),
		"profile="+string(r.ids["Balanced-50K"])+"&kind=gateway_login&act=set&username=trader&password=+secret+&mode=paper"))
	set, err := r.manager.Credentials(owned("ann"), r.ids["Balanced-50K"], credentials.GatewayLogin)
	require.NoError(t, err)
	defer set.Wipe()
	login, ok := set.Login()
	require.True(t, ok)
	require.Equal(t, " secret ", string(login.Password.Reveal()))
}
