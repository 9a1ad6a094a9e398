package accounts_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// oneLine is JSON without the spaces that lay a test's text out.
func oneLine(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, "")
}

const limitsText = `{"account":"margin","short_selling":true,"order_quantity":"10000",
	"order_notional":{"fraction":"0.1"},"price_collar":"0.05","option_collar":"0.5",
	"orders_per_minute":60,"orders_per_day":500,
	"position_size":{"fraction":"0.2"},"underlying_size":{"fraction":"0.2"},"open_positions":4,
	"leverage":"3","sector_exposure":{"fraction":"0.4"},"futures_margin":"0.15",
	"daily_loss":{"fraction":"0.06"},
	"drawdown":{"warning":"0.06","moderate":"0.12","severe":"0.18","critical":"0.25"},"warn_at":"0.8",
	"sec_types":["STK","FUND","OPT","FUT","FOP"],"allowed_symbols":[],"restricted_symbols":[],
	"mark_age":"5m","rate_age":"24h","duplicate_window":"5s",
	"day_trading":[{"policy":"pattern_day_trader"},{"from":"2027-10-20","policy":"intraday_margin"}]}`

// A service's JSON is part of its interface: it changes only where somebody means to change it.
func TestJSONForms(t *testing.T) {
	limits := accounts.DefaultLimits(accounts.Level25K, accounts.RiskHigh)
	mark := ledger.Mark{Instrument: xyz, Price: dec("101"), Time: at(0)}
	lots := []ledger.Lot{{ExecID: "exec-1", Quantity: dec("2"), Basis: dec("201"), OpenedAt: at(0)}}
	refused := risk.Decision{OrderID: "s@p", Violations: []risk.Violation{{Rule: risk.RuleState, Reason: "trading is halted"}}}
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"a profile with limits": {accounts.AccountProfile{
			ID: "p", Name: "Aggressive-25K", IBKRAccountID: "DU1000025", CapitalLevel: "25K", RiskTolerance: "high",
			Mode: "paper", Status: accounts.StatusActive, BaseCurrency: "USD", Limits: &limits, Version: 1, CreatedAt: now,
		}, `{"id":"p","name":"Aggressive-25K","ibkr_account_id":"DU1000025","capital_level":"25K",
			"risk_tolerance":"high","mode":"paper","status":"active","base_currency":"USD",
			"limits":` + limitsText + `,"version":1,"created_at":"2026-06-01T15:00:00Z"}`},
		"a profile that names a login": {accounts.AccountProfile{ID: "p", Login: "main"}, `{"id":"p","name":"",
			"ibkr_account_id":"","capital_level":"","risk_tolerance":"","mode":"","status":"","base_currency":"",
			"login":"main","version":0}`},
		"an access through another profile": {accounts.CredentialAccess{Action: "set", By: "anna", Login: "main",
			Kind: credentials.FlexToken, Through: "q", Outcome: "ok", Time: now}, `{"action":"set","by":"anna",
			"login":"main","kind":"flex","through":"q","outcome":"ok","time":"2026-06-01T15:00:00Z"}`},
		"a snapshot of nothing": {accounts.Snapshot{ProfileID: "p", BaseCurrency: "USD", Risk: risk.Report{Limits: limits}},
			`{"profile_id":"p","base_currency":"USD","seq":0,"hash":"` + strings.Repeat("0", 64) + `","trades":0,
			"open":[],"closed":[],"cash":{},"pending":[],"cash_base":"0","equity":"0","unrealized":"0",
			"realized":"0","capital":"0","in_kind":"0","high_water":"0","risk":{"status":"","state":"",
			"limits":` + limitsText + `,"orders":[],"breaches":[],"severity":"normal","drawdown":"0",
			"day_loss":"0","gross":"0","net":"0","margin":"0","usage":[]},"unrated":[]}`},
		"a position at its mark": {ledger.PositionValue{
			Position: ledger.Position{Instrument: xyz, Quantity: dec("2"), Basis: dec("201"), Commissions: dec("1"), LastTrade: at(0), Lots: lots},
			Mark:     mark, Value: dec("202"), Unrealized: dec("1"),
		}, `{"instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD","multiplier":"1"},"quantity":"2",
			"basis":"201","realized":"0","realized_base":"0","commissions":"1","last_trade":"2026-01-05T15:00:00Z",
			"lots":[{"exec_id":"exec-1","quantity":"2","basis":"201","opened_at":"2026-01-05T15:00:00Z"}],
			"mark":{"instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD","multiplier":"1"},"price":"101",
			"time":"2026-01-05T15:00:00Z"},"value":"202","unrealized":"1"}`},
		"an order that was refused": {accounts.Allocation{
			ProfileID: "p", Order: risk.Order{ID: "s@p", Instrument: xyz, Signal: "s"}, Decision: refused,
			Err: &accounts.RefusalError{ProfileID: "p", Decision: refused},
		}, `{"profile_id":"p","order":{"id":"s@p","instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD",
			"multiplier":"1"},"quantity":"0","signal":"s"},"decision":{"order_id":"s@p","allowed":false,
			"violations":[{"rule":"trading_state","reason":"trading is halted"}],"warnings":[]},
			"error":"profile \"p\": order \"s@p\" refused: trading_state: trading is halted"}`},
		"an event with an error": {accounts.Event{
			Kind: accounts.EventCheckpointFailed, ProfileID: "p", Seq: 7, Time: now, Err: errors.New("disk full"),
		}, `{"kind":"checkpoint_failed","profile_id":"p","seq":7,"time":"2026-06-01T15:00:00Z","error":"disk full"}`},
		"an entry": {accounts.Entry{ProfileID: "p", Seq: 1, Kind: "cash", Time: now, Payload: []byte(`{"v":1}`), Hash: accounts.Hash{255}},
			`{"profile_id":"p","seq":1,"kind":"cash","time":"2026-06-01T15:00:00Z","prev":"` + strings.Repeat("0", 64) +
				`","hash":"ff` + strings.Repeat("0", 62) + `","payload":{"v":1}}`},
		"what a valuation lacks": {&accounts.MissingError{ProfileID: "p", Marks: []ledger.InstrumentKey{xyz.Key()}},
			`{"profile_id":"p","marks":["STK:XYZ:USD"],"rates":[]}`},
		"every execution": {accounts.TradeFilter{}, `{"instruments":[]}`},
		"no execution":    {accounts.TradeFilter{ExecIDs: map[ledger.ExecID]bool{}}, `{"instruments":[],"exec_ids":{}}`},
	} {
		require.Equal(t, oneLine(c.want), asJSON(t, c.value), name)
	}
}

// Clients send limits in the form of a service, and programs read what a store holds.
func TestLimitsAreReadInBothForms(t *testing.T) {
	want := accounts.DefaultLimits(accounts.Level25K, accounts.RiskHigh)
	type stored risk.Limits
	for name, text := range map[string]string{"as a service sends them": limitsText, "as they are stored": asJSON(t, stored(want))} {
		var got risk.Limits
		require.NoError(t, json.Unmarshal([]byte(text), &got), name)
		require.True(t, want.Equal(got), "limits %s are read as %+v", name, got)
		require.Nil(t, got.AllowedSymbols, "limits %s: an empty list is read as nil", name)
	}
	require.Contains(t, asJSON(t, stored(want)), `"mark_age":300000000000,`, "a store holds nanoseconds")

	partly := want.Clone()
	require.NoError(t, json.Unmarshal([]byte(`{"mark_age":"90s"}`), &partly))
	require.Equal(t, 90*time.Second, partly.MarkAge, "the field that was named")
	partly.MarkAge = want.MarkAge
	require.Equal(t, want, partly, "a field that was not named changed")
	require.NoError(t, json.Unmarshal([]byte(`null`), &partly))
	require.Equal(t, want, partly, "null changes nothing")
}

// A limit that this library does not know must not go unheeded.
func TestLimitsAreReadStrictly(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown limit":       `{"limits":{"mark_age":"5m","moon_phase":1}}`,
		"a duration of nothing":  `{"limits":{"mark_age":"soon"}}`,
		"half a nanosecond":      `{"limits":{"mark_age":0.5}}`,
		"true for a duration":    `{"limits":{"mark_age":true}}`,
		"a list for a duration":  `{"limits":{"mark_age":["5m"]}}`,
		"a field of another one": `{"limits":{"position_size":{"percent":"1"}}}`,
	} {
		before := accounts.Balanced50K("DU1000050")
		limits := before.EffectiveLimits()
		before.Limits = &limits
		p := before.Clone()
		require.Error(t, json.Unmarshal([]byte(text), &p), name)
		require.Equal(t, before, p, "%s: the limits changed in spite of the error", name)
	}
	e := accounts.Entry{ProfileID: "p", Seq: 1, Kind: risk.KindPolicy}
	for name, limits := range map[string]string{"an unknown limit": `{"moon_phase":1}`, "a service's form": `{"mark_age":"5m"}`} {
		e.Payload = fmt.Appendf(nil, `{"v":1,"version":1,"status":"active","limits":%s,"time":"2026-06-01T15:00:00Z"}`, limits)
		_, err := e.Decode()
		require.ErrorIs(t, err, accounts.ErrCorrupt, "a journal with %s", name)
	}
}

func TestHashReadsNothingElse(t *testing.T) {
	h := accounts.Hash{1, 2, 3}
	text, err := h.MarshalText()
	require.NoError(t, err)
	require.Equal(t, h.String(), string(text))
	for name, other := range map[string]string{"nothing": "", "too few digits": h.String()[1:], "too many": h.String() + "0",
		"no digits": strings.Repeat("g", 64)} {
		was := h
		require.ErrorIs(t, h.UnmarshalText([]byte(other)), accounts.ErrInvalid, name)
		require.Equal(t, was, h, "%s: the hash changed in spite of the error", name)
	}
}

// A refusal is read back as a refusal. Any other error is read back as its text.
func TestAllocationsReadBack(t *testing.T) {
	refused := risk.Decision{OrderID: "s@p", Violations: []risk.Violation{{Rule: risk.RuleGross, Limit: dec("1"), Actual: dec("2")}}}
	refusal := &accounts.RefusalError{ProfileID: "p", Decision: refused}
	for name, c := range map[string]struct {
		sent    accounts.Allocation
		refusal bool
	}{
		"held":                   {accounts.Allocation{ProfileID: "p", Decision: risk.Decision{Allowed: true}}, false},
		"refused":                {accounts.Allocation{ProfileID: "p", Decision: refused, Err: refusal}, true},
		"refused, in more words": {accounts.Allocation{ProfileID: "p", Decision: refused, Err: fmt.Errorf("route: %w", refusal)}, true},
		"not asked":              {accounts.Allocation{ProfileID: "p", Err: accounts.ErrProfileNotFound}, false},
		"held, and not let go":   {accounts.Allocation{ProfileID: "p", Decision: risk.Decision{Allowed: true}, Err: accounts.ErrClosed}, false},
	} {
		var got accounts.Allocation
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, c.sent)), &got), name)
		require.Equal(t, c.sent.Held(), got.Held(), "%s: held", name)
		require.Equal(t, c.refusal, errors.Is(got.Err, accounts.ErrRefused), "%s: refused", name)
		if c.sent.Err == nil {
			require.NoError(t, got.Err, name)
			continue
		}
		require.EqualError(t, got.Err, c.sent.Err.Error(), name)
		if c.refusal {
			var back *accounts.RefusalError
			require.ErrorAs(t, got.Err, &back, name)
			require.Equal(t, refusal.Error(), back.Error(), "%s: the reasons", name)
		}
	}
}

// An entry that was sent proves what it says: its hash is that of what is read.
func TestEntriesKeepTheirHash(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, call, "2", "1.5"), ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "USD",
		Amount: dec("5"), Note: "<b> & é", Time: at(2)})
	for _, e := range readAll(t, b.Store, b.Profile.ID) {
		for name, write := range map[string]func(any) ([]byte, error){
			"in one line": json.Marshal,
			"laid out":    func(v any) ([]byte, error) { return json.MarshalIndent(v, " ", "\t") },
		} {
			text, err := write(e)
			require.NoError(t, err, name)
			require.Contains(t, strings.ReplaceAll(string(text), " ", ""), `"payload":{`, "%s: the payload of a %s is an object", name, e.Kind)
			var back accounts.Entry
			require.NoError(t, json.Unmarshal(text, &back), name)
			require.Equal(t, e, back, "%s: the %s", name, e.Kind)
			require.Equal(t, e.Hash, back.Sum(), "%s: the hash of the %s", name, e.Kind)
		}
	}
	var e accounts.Entry
	require.ErrorIs(t, json.Unmarshal([]byte(`{"payload":7}`), &e), accounts.ErrInvalid, "a payload that is a number")
	require.ErrorIs(t, json.Unmarshal([]byte(`{"payload":"%"}`), &e), accounts.ErrInvalid, "a payload that is not base64")
}
