package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/pgcreds"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

func TestMigrations(t *testing.T) {
	d := deskOn(t, pgtest.Database(t))
	at := func(journals, credentials int64) []int64 { return []int64{journals, credentials} }
	versions := func(code int, args ...string) []int64 {
		var r schemaReport
		d.json(code, &r, append(args, "-schema", "desk")...)
		require.Equal(t, "desk", r.Schema)
		require.Equal(t, code == exitDone, r.Done)
		return at(r.Tables[0].Version, r.Tables[1].Version)
	}
	require.Equal(t, at(0, 0), versions(exitFound, "migrate", "status"))
	require.Contains(t, d.want(exitFailed, "verify", "-schema", "desk").stderr, "accounts migrate status", "it must say what to do")
	newest := versions(exitDone, "migrate", "up")
	require.Equal(t, newest, versions(exitDone, "migrate", "up"), "a second time")
	require.Equal(t, newest, versions(exitDone, "migrate", "status"))
	require.Contains(t, d.want(exitDone, "migrate", "status", "-schema", "desk").stdout, "current")

	plan := d.want(exitFound, "migrate", "down", "-journals", "9", "-schema", "desk")
	require.Contains(t, plan.stdout, "to be taken back to 9")
	require.Contains(t, plan.stdout, "-yes")
	require.Equal(t, newest, versions(exitDone, "migrate", "status"), "a plan changed something")
	require.Equal(t, exitUsage, d.run("migrate", "down", "-journals", "99", "-schema", "desk").code)
	require.Equal(t, at(9, newest[1]), versions(exitDone, "migrate", "down", "-journals", "9", "-yes"))
	require.Equal(t, at(9, newest[1]), versions(exitDone, "migrate", "down", "-journals", "9"), "nothing is left to do")
	require.Equal(t, newest, versions(exitDone, "migrate", "up"))

	d.want(exitDone, "profiles", "create", "-id", "p", "-name", "p", "-account", "DU1000100", "-level", "100K", "-risk", "low", "-schema", "desk")
	d.want(exitDone, "halt", "p", "-reason", "drill", "-schema", "desk")
	d.want(exitFailed, "migrate", "down", "-journals", "0", "-yes", "-schema", "desk")
	require.Equal(t, newest, versions(exitDone, "migrate", "status"), "a journal must not be destroyed")
	require.Equal(t, at(newest[0], 0), versions(exitDone, "migrate", "down", "-credentials", "0", "-yes"))
}

func TestProfiles(t *testing.T) {
	d := newDesk(t)
	limits := filepath.Join(t.TempDir(), "limits.json")
	own := accounts.DefaultLimits("25K", accounts.RiskHigh)
	own.OpenPositions = 3
	text, err := json.Marshal(own)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(limits, text, 0o600))
	var list profileList
	d.json(exitDone, &list, "profiles", "list")
	require.NotNil(t, list.Profiles, "a list must not be null")
	d.json(exitDone, &list, "profiles", "create", "-id", "one", "-name", "First", "-account", "DU1000025", "-level", "25K", "-risk", "high", "-owner", "ann",
		"-gateway-host", "localhost", "-gateway-port", "5000", "-limits", limits)
	require.Len(t, list.Profiles, 1)
	made := list.Profiles[0]
	require.Equal(t, accounts.StatusActive, made.Status)
	require.EqualValues(t, "USD", made.BaseCurrency)
	require.Equal(t, 3, made.Limits.OpenPositions)
	require.Equal(t, "localhost", made.Gateway.Host)
	d.want(exitDone, "profiles", "create", "-id", "two", "-name", "Second", "-account", "U1000050", "-level", "50K", "-risk", "low", "-status", "inactive")

	for args, ids := range map[string]string{"": "one two", "-owner ann": "one", "-owner=": "two", "-status inactive -status archived": "two", "-account DU1000025": "one",
		"-account U9": ""} {
		d.json(exitDone, &list, append([]string{"profiles", "list"}, strings.Fields(args)...)...)
		var got []string
		for _, p := range list.Profiles {
			got = append(got, string(p.ID))
		}
		require.Equal(t, ids, strings.Join(got, " "), args)
	}
	require.Contains(t, d.want(exitDone, "profiles", "list").stdout, "DU1000025")

	for args, says := range map[string]string{
		"-name X -account DU1000026 -level 25K -risk wild":                     "RiskTolerance",
		"-name First -account DU1000026 -level 25K -risk low -owner ann":       accounts.ErrNameTaken.Error(),
		"-name X -account DU1000025 -level 25K -risk low -owner ann":           accounts.ErrAccountTaken.Error(),
		"-name X -account DU1000026 -level 25K -risk low -id one":              accounts.ErrProfileExists.Error(),
		"-name X -account DU1000026 -level 25K -risk low -limits /no/where":    "/no/where",
		"-name X -account DU1000026 -level 25K -risk low -status archived":     "Status",
		"-name X -account DU1000026 -level 25K -risk low -limits " + strays(t): "leverege",
	} {
		require.Contains(t, d.want(exitFailed, append([]string{"profiles", "create"}, strings.Fields(args)...)...).stderr, says, args)
	}
	d.want(exitDone, "profiles", "create", "-name", "X", "-account", "DU1000025", "-level", "25K", "-risk", "low", "-owner", "ann", "-shared-account")
}

func strays(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "strays.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"leverege":"2"}`), 0o600))
	return path
}

func TestVerifyAndRebuild(t *testing.T) {
	d := newDesk(t)
	d.create("a", "DU1000025")
	d.create("b", "DU1000050")
	s := d.store()
	for _, id := range []accounts.ProfileID{"a", "b"} {
		_, err := portfolio(t, s, id).Record(t.Context(), desktest.Trade(1, desktest.ABC, "5", "10"), desktest.Trade(2, desktest.ABC, "-2", "11"))
		require.NoError(t, err)
	}
	states := func(code int, args ...string) map[accounts.ProfileID]string {
		var l conditions
		d.json(code, &l, args...)
		got := map[accounts.ProfileID]string{}
		for _, c := range l.Profiles {
			require.Equal(t, c.State == stateSound, len(c.Problems) == 0 && c.State != stateRebuilt, "%+v", c)
			got[c.ProfileID] = c.State
		}
		return got
	}
	sound := map[accounts.ProfileID]string{"a": stateSound, "b": stateSound}
	require.Equal(t, sound, states(exitDone, "verify"))
	require.Equal(t, sound, states(exitDone, "rebuild", "-all"), "there is nothing to do")

	d.sql(`UPDATE trading.trades SET exact_price = 12 WHERE account_profile_id = 'a' AND journal_seq = 1`)
	differs := map[accounts.ProfileID]string{"a": stateDiffers, "b": stateSound}
	require.Equal(t, differs, states(exitFound, "verify"))
	require.Equal(t, sound["b"], states(exitDone, "verify", "DU1000050")["b"], "the other is not touched")
	require.Equal(t, differs, states(exitFound, "rebuild", "-all"))
	require.Equal(t, differs, states(exitFound, "verify"), "a plan changed something")
	require.Contains(t, d.want(exitFound, "rebuild", "a").stdout, "-yes")
	require.Equal(t, map[accounts.ProfileID]string{"a": stateRebuilt, "b": stateSound}, states(exitDone, "rebuild", "-all", "-yes"))
	require.Equal(t, sound, states(exitDone, "verify"))

	d.sql(`UPDATE trading.journal_entries SET payload = payload || ' ' WHERE profile_id = 'b' AND seq = 1`)
	require.Equal(t, map[accounts.ProfileID]string{"a": stateSound, "b": stateCorrupt}, states(exitFound, "verify"))
	require.Equal(t, map[accounts.ProfileID]string{"b": stateCorrupt}, states(exitFound, "rebuild", "-yes", "b"), "what is corrupt is not rebuilt")
	require.Contains(t, d.want(exitFound, "verify").stdout, "hash")
	d.want(exitFailed, "verify", "nobody")
}

func TestAdopt(t *testing.T) {
	d := newDesk(t)
	d.create("p", "DU1000100")
	d.sql(`INSERT INTO trading.positions (user_id, symbol, position_type, side, quantity, entry_price, closed_at) VALUES
		('u', 'ABC', 'STOCK', 'LONG', 5, 10, NULL), ('u', 'XYZ', 'STOCK', 'SHORT', 2, 20, NULL), ('u', 'ABC', 'STOCK', 'LONG', 1, 9, now()), ('v', 'ABC', 'STOCK', 'LONG', 1, 9, NULL)`)
	d.sql(`INSERT INTO trading.signals (symbol, signal_type, confidence) VALUES ('ABC', 'BUY', 0.5)`)
	require.Contains(t, d.want(exitFailed, "adopt", "p", "-user", "u").stderr, "currency")
	want := adoption{ProfileID: "p", User: "u", Positions: 3, Openings: 2, Signals: 1}
	var got adoption
	args := []string{"adopt", "p", "-user", "u", "-currency", "USD", "-signals"}
	d.json(exitFound, &got, args...)
	require.Equal(t, want, got)
	require.Contains(t, d.want(exitFound, args...).stdout, "is to adopt")
	d.json(exitFound, &got, args...)
	require.Equal(t, want, got, "a plan changed something")
	want.Done = true
	d.json(exitDone, &got, append(args, "-yes", "-batch", "1")...)
	require.Equal(t, want, got)
	d.want(exitDone, "verify")
	require.Len(t, portfolio(t, d.store(), "p").Positions(), 2)
	d.json(exitDone, &got, args...)
	require.Equal(t, adoption{ProfileID: "p", User: "u", Done: true}, got, "there is nothing left")
}

func TestStatements(t *testing.T) {
	samples := filepath.Join("..", "..", "examples", "statements", "samples")
	small := filepath.Join(samples, "small.xml")
	text, err := os.ReadFile(small)
	require.NoError(t, err)
	d := newDesk(t)
	report := func(code int, args ...string) statementResult {
		var r statementReport
		d.json(code, &r, args...)
		require.NotEmpty(t, r.Statements)
		return r.Statements[len(r.Statements)-1]
	}
	require.Contains(t, d.want(exitFailed, "import", small).stderr, accounts.ErrProfileNotFound.Error())
	d.create("p", "DU9000025")
	d.create("other", "DU9000026")
	seen := report(exitDone, "import", "-dry-run", small)
	require.False(t, seen.Recorded)
	require.Positive(t, seen.Facts)
	require.EqualValues(t, "p", seen.ProfileID)
	lacking := report(exitFound, "reconcile", small)
	require.Equal(t, seen.Facts, lacking.Facts, "it must say what the journal lacks")
	require.Contains(t, d.want(exitFailed, "import", "-profile", "other", small).stderr, "another account")
	bad := filepath.Join(t.TempDir(), "bad.xml")
	require.NoError(t, os.WriteFile(bad, text[:len(text)/2], 0o600))
	require.Contains(t, d.want(exitFailed, "import", small, bad).stderr, "bad.xml")
	require.Contains(t, d.want(exitFailed, "import", t.TempDir()).stderr, "folder")
	require.Zero(t, portfolio(t, d.store(), "p").Seq(), "nothing may be recorded yet")

	done := report(exitDone, "import", small)
	require.True(t, done.Recorded)
	require.Equal(t, seen.Facts, done.Facts)
	require.Positive(t, done.Compared)
	require.Zero(t, report(exitDone, "import", small).Facts, "a second time")
	require.Zero(t, report(exitDone, "reconcile", small).Facts)
	require.Regexp(t, `\n  breaks +0\n`, d.want(exitDone, "reconcile", small).stdout)

	seq := portfolio(t, d.store(), "p").Seq()
	levels := strings.ReplaceAll(strings.ReplaceAll(string(text), `levelOfDetail="EXECUTION"`, `levelOfDetail="ORDER"`), `tradePrice="`, `tradePrice="1`)
	require.NotEqual(t, string(text), levels)
	require.NoError(t, os.WriteFile(bad, []byte(levels), 0o600))
	require.Contains(t, d.want(exitFailed, "import", bad).stderr, flex.ErrLevels.Error())
	require.Equal(t, seq, portfolio(t, d.store(), "p").Seq(), "nothing of orders that differ may be recorded")

	wrong := strings.Replace(string(text), `fifoPnlRealized="79.35"`, `fifoPnlRealized="99.35"`, 1)
	require.NotEqual(t, string(text), wrong)
	require.NoError(t, os.WriteFile(bad, []byte(wrong), 0o600))
	broken := report(exitFound, "reconcile", bad)
	require.Len(t, broken.Breaks, 1)
	require.Equal(t, "-20", broken.Breaks[0].Difference.String())
	require.Contains(t, d.want(exitFound, "import", bad).stdout, "99.35")
	d.want(exitDone, "reconcile", "-tolerance", "20", bad)
	unread := strings.Replace(string(text), "</FlexStatement>", `<Transfers><Transfer currency="USD" assetCategory="STK" symbol="ZZZ" conid="990" dateTime="20250110;100000" quantity="5" transactionID="991"/></Transfers></FlexStatement>`, 1)
	require.NotEqual(t, string(text), unread)
	require.NoError(t, os.WriteFile(bad, []byte(unread), 0o600))
	require.Contains(t, d.want(exitFound, "import", bad).stdout, "not in the book", "rows that are left out ask for a person")
	got := runWith(t, t.Context(), wrong, map[string]string{"ACCOUNTS_DSN": d.dsn}, "reconcile", "-")
	require.Equal(t, exitFound, got.code, "standard input: %+v", got)
}

func TestHaltAndResume(t *testing.T) {
	d := newDesk(t)
	for id, account := range map[string]string{"a": "DU1000025", "b": "DU1000050", "gone": "DU1000100"} {
		d.create(id, account)
	}
	d.want(exitDone, "profiles", "archive", "gone", "-yes")
	s := d.store()
	state := func(id accounts.ProfileID) risk.TradingState { return portfolio(t, s, id).Snapshot().Risk.State }
	var got stateChange
	d.json(exitDone, &got, "halt", "DU1000025", "-reason", "drill")
	require.Equal(t, stateChange{State: risk.TradingHalted, Reason: "drill", Profiles: []accounts.ProfileID{"a"}}, got)
	require.Equal(t, []risk.TradingState{risk.TradingHalted, risk.TradingActive}, []risk.TradingState{state("a"), state("b")})
	d.json(exitDone, &got, "halt", "-all", "-reason", "drill")
	require.Equal(t, []accounts.ProfileID{"a", "b"}, got.Profiles)
	require.Equal(t, risk.TradingHalted, state("b"))
	require.Contains(t, d.want(exitDone, "resume", "-reason", "over", "a").stdout, "active")
	require.Equal(t, []risk.TradingState{risk.TradingActive, risk.TradingHalted}, []risk.TradingState{state("a"), state("b")})
	d.want(exitFailed, "halt", "nobody", "-reason", "x")

	_, err := portfolio(t, s, "b").Record(t.Context(), desktest.Trade(1, desktest.ABC, "5", "10"),
		ledger.CashMovement{ID: "eur", Kind: ledger.Deposit, Currency: "EUR", Amount: desktest.Dec("100"), Time: time.Now()})
	require.NoError(t, err)
	require.Contains(t, d.want(exitFailed, "resume", "b", "-reason", "over").stderr, "STK:ABC:USD")
	require.Contains(t, d.want(exitFailed, "resume", "b", "-reason", "over", "-mark", "STK:XYZ:USD=9").stderr, "does not hold")
	for _, wrong := range [][]string{{"-mark", "STK:ABC:USD"}, {"-mark", "STK:ABC:USD=x"}, {"-rate", "EUR"}, {"-rate", "EUR=x"}} {
		d.want(exitUsage, append([]string{"resume", "b", "-reason", "over"}, wrong...)...)
	}
	d.want(exitDone, "resume", "b", "-reason", "over", "-mark", "STK:ABC:USD=9.5", "-rate", "EUR=1.08")
	require.Equal(t, risk.TradingActive, state("b"))
}

func TestKeysAndArchive(t *testing.T) {
	const secret = "hunter2"
	d := newDesk(t)
	d.create("p", "DU1000100")
	dir := t.TempDir()
	old, both, other := filepath.Join(dir, "old"), filepath.Join(dir, "both"), filepath.Join(dir, "other")
	keys, err := pgcreds.NewKeyset()
	require.NoError(t, err)
	require.NoError(t, pgcreds.WriteKeyset(old, keys))
	more, id, err := pgcreds.AddKey(keys)
	require.NoError(t, err)
	more, err = pgcreds.SetPrimary(more, id)
	require.NoError(t, err)
	require.NoError(t, pgcreds.WriteKeyset(both, more))
	stranger, err := pgcreds.NewKeyset()
	require.NoError(t, err)
	require.NoError(t, pgcreds.WriteKeyset(other, stranger))

	creds, err := pgcreds.New(t.Context(), d.db, keys)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, creds.Close()) })
	p, err := d.store().Profile(t.Context(), "p")
	require.NoError(t, err)
	login, err := credentials.NewGatewayLogin(credentials.NewSecret([]byte("somebody")), credentials.NewSecret([]byte(secret)), "paper")
	require.NoError(t, err)
	require.NoError(t, creds.Put(t.Context(), p.LoginKey(), login))

	var said []string
	report := func(code int, args ...string) *keyReport {
		r := &keyReport{}
		got := d.want(code, append(args, "-json")...)
		readDocument(t, got.stdout, r)
		said = append(said, got.stdout, d.want(exitFor(code, args), args...).stdout)
		return r
	}
	before := report(exitDone, "keys", "status", "-keyset-file", old)
	require.Zero(t, before.left())
	before = report(exitFound, "keys", "status", "-keyset-file", both)
	require.Len(t, before.Keys, 2)
	require.Equal(t, before.left(), report(exitFound, "keys", "rotate", "-keyset-file", both).left(), "a plan")
	require.Equal(t, before.left(), report(exitFound, "keys", "status", "-keyset-file", both).left(), "a plan changed something")
	require.Contains(t, d.want(exitFailed, "keys", "rotate", "-yes", "-keyset-file", other).stderr, "key")
	rotated := report(exitDone, "keys", "rotate", "-yes", "-keyset-file", both)
	require.Equal(t, before.left(), rotated.Rewritten)
	require.Zero(t, report(exitDone, "keys", "status", "-keyset-file", both).left())
	text, err := os.ReadFile(both)
	require.NoError(t, err)
	t.Setenv(keysetVariable, string(text))
	got := runWith(t, t.Context(), "", map[string]string{"ACCOUNTS_DSN": d.dsn, keysetVariable: string(text)}, "keys", "status")
	require.Equal(t, exitDone, got.code, got.stderr)
	said = append(said, got.stdout)

	plan := d.want(exitFound, "profiles", "archive", "p")
	require.Contains(t, plan.stdout, "credentials stay")
	var a archiving
	d.json(exitFound, &a, "profiles", "archive", "p", "-keyset-file", both)
	require.False(t, a.Done)
	require.Equal(t, accounts.StatusActive, a.Profile.Status)
	d.json(exitDone, &a, "profiles", "archive", "p", "-keyset-file", both, "-yes")
	require.Equal(t, accounts.StatusArchived, a.Profile.Status)
	kinds, err := creds.Kinds(t.Context(), p.LoginKey())
	require.NoError(t, err)
	require.Empty(t, kinds, "its credentials must be gone")
	d.want(exitDone, "profiles", "archive", "p")
	for _, s := range said {
		require.NotContains(t, s, secret)
		require.NotContains(t, s, "somebody")
		for field := range strings.SplitSeq(string(text), `"`) {
			require.False(t, len(field) > 20 && !strings.Contains(field, "type.googleapis.com") && strings.Contains(s, field), "a key is printed")
		}
	}
}

// exitFor is what a command ends with that is run a second time.
func exitFor(code int, args []string) int {
	if strings.Contains(strings.Join(args, " "), "-yes") {
		return exitDone
	}
	return code
}
