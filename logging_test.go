package accounts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
	"github.com/ai-ots/accounts/ledger"
)

// logLines keeps what is logged.
type logLines struct {
	mu       sync.Mutex
	buf, all bytes.Buffer // since the last take, and ever
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(b)
	return l.buf.Write(b)
}

// logger logs everything there is, debugging included.
func (l *logLines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// take returns the lines since the last time, without their times and quotes.
func (l *logLines) take() (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), "level=")
		lines = append(lines, strings.ReplaceAll(strings.Replace(line, "msg=", "", 1), `"`, ""))
	}
	l.buf.Reset()
	return lines
}

// takeWarnings is take without what is for debugging.
func (l *logLines) takeWarnings() []string {
	return slices.DeleteFunc(l.take(), func(line string) bool { return strings.HasPrefix(line, "DEBUG") })
}

// text returns everything that was logged since the last take.
func (l *logLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// await waits until a text is logged.
func (l *logLines) await(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(l.text(), text) }, time.Minute, time.Millisecond, "%q was not logged", text)
}

const (
	secretAccount = "DU7654321"
	secretAmount  = "98765.43"
	secretWord    = "hunter2-hunter2"
)

// errTattling is an error whose text has what no log may show.
var errTattling = errors.New("login of " + secretAccount + " refused")

// trouble is a store that a test makes fail, and a manager on it that logs.
type trouble struct {
	*bench
	fake    *fakeStore
	damaged *damagedStore
	hooked  *hookedStore
	logs    *logLines
	silent  chan accounts.Event // the manager's first watch
	creds   *memcreds.Store
	hookErr atomic.Bool
}

func newTrouble(t *testing.T) *trouble {
	fake := newStore(t)
	damaged := &damagedStore{Store: fake}
	x := &trouble{
		fake: fake, damaged: damaged, hooked: &hookedStore{Store: damaged},
		logs: &logLines{}, silent: make(chan accounts.Event), creds: memcreds.New(),
	}
	fake.onWatch = func(context.Context) (<-chan accounts.Event, error) { return x.silent, nil }
	hook := func(_ context.Context, from, to accounts.AccountProfile) error {
		if x.hookErr.Load() {
			return errTattling
		}
		return nil
	}
	m := newManager(t, x.hooked, accounts.WithLogger(x.logs.logger()), accounts.WithCredentialStore(x.creds),
		accounts.WithClock(func() time.Time { return now }), accounts.OnSwitch(hook),
		accounts.WithObserver(observe(func(context.Context, accounts.Observation) { panic(errTattling) })))
	profile, err := m.CreateProfile(t.Context(), accounts.Optimal100K(secretAccount))
	require.NoError(t, err)
	x.bench = &bench{Store: x.hooked, Manager: m, Profile: profile}
	x.Portfolio = x.Open(t)
	require.Equal(t, []string{"ERROR observer panicked err=login of (account) refused"}, x.logs.take())
	return x
}

// line is what the test expects: the level, the text, and the profile and further attributes if any.
func (x *trouble) line(text string, attrs ...any) string {
	line := text + " profile=" + string(x.Profile.ID)
	for i := 0; i < len(attrs); i += 2 {
		line += fmt.Sprintf(" %v=%v", attrs[i], attrs[i+1])
	}
	return line
}

func money(id string) ledger.CashMovement {
	return ledger.CashMovement{ID: id, Kind: ledger.Deposit, Currency: "USD", Amount: dec(secretAmount), Time: at(0)}
}

func TestLogOfRecording(t *testing.T) {
	x := newTrouble(t)
	other, err := newManager(t, alone(x.fake.Store)).Portfolio(t.Context(), x.Profile.ID)
	require.NoError(t, err)
	x.Record(t, money("1"))
	require.Empty(t, x.logs.take(), "what goes well is not logged")

	require.NoError(t, errOf(other.Record(t.Context(), money("2"))))
	require.NoError(t, errOf(x.Portfolio.Record(t.Context(), money("2"))))
	require.Equal(t, []string{
		x.line("DEBUG append refused, deciding again", "seq", 1, "duplicate", false),
		x.line("DEBUG append refused, deciding again", "seq", 2, "duplicate", true),
	}, x.logs.take())

	refusals := 40
	x.hooked.append = func(ctx context.Context, b accounts.Batch) error {
		if refusals--; refusals >= 0 { // another process is always faster
			if err := errOf(other.Record(ctx, money(fmt.Sprint("faster ", refusals)))); err != nil {
				return err
			}
		}
		return x.damaged.Append(ctx, b)
	}
	x.Record(t, money("3"))
	require.Equal(t, []string{
		x.line("WARN append was refused again and again, taking the journal's lock", "seq", 5, "attempt", 5),
	}, x.logs.takeWarnings())

	reused := money("1")
	reused.Currency = "EUR"
	require.ErrorIs(t, errOf(x.Portfolio.Record(t.Context(), reused)), accounts.ErrIDReused)
	_, err = x.Portfolio.Reserve(t.Context(), order("o", xyz, "10", secretAmount))
	require.ErrorIs(t, err, accounts.ErrRefused)
	x.logs.take()

	x.hooked.append = func(context.Context, accounts.Batch) error { return errTattling }
	require.ErrorIs(t, errOf(x.Portfolio.Record(t.Context(), money("4"), money("5"))), errTattling)
	x.hooked.append = nil
	require.Equal(t, []string{x.line("ERROR outcome of an append is unknown", "seq", 18, "entries", 2, "err", "login of (account) refused")}, x.logs.take())

	x.fake.onSave = func(context.Context, accounts.Checkpoint) error { return errTattling }
	var many []ledger.Fact
	for i := range 1100 {
		many = append(many, money(fmt.Sprintf("m-%d", i)))
	}
	x.Record(t, many...)
	require.Equal(t, []string{x.line("WARN checkpoint not saved", "seq", x.Portfolio.Seq(), "err",
		fmt.Sprintf(`save checkpoint of profile \%s\: login of (account) refused`, x.Profile.ID))}, x.logs.takeWarnings())
	requireHarmless(t, x)
}

func TestLogOfCorruptJournals(t *testing.T) {
	x := newTrouble(t)
	x.Record(t, money("1"), money("2"))
	x.damaged.damage = func(e *accounts.Entry) bool {
		e.Payload = []byte(`{"v":1,"amount":"` + secretAmount + `"}`)
		e.Hash = e.Sum()
		return e.Seq > 1
	}
	m := newManager(t, x.hooked, accounts.WithLogger(x.logs.logger()))
	for range 2 { // nothing is remembered
		_, err := m.Portfolio(t.Context(), x.Profile.ID)
		require.ErrorIs(t, err, accounts.ErrCorrupt)
	}
	line := x.line("ERROR journal is corrupt", "seq", 1, "err", "journal is corrupt")
	require.Equal(t, []string{line, line}, x.logs.take())
	require.EqualValues(t, 2, m.Stats().OpenFailures)

	x.damaged.damage = nil
	other, err := newManager(t, alone(x.fake.Store)).Portfolio(t.Context(), x.Profile.ID)
	require.NoError(t, err)
	require.NoError(t, errOf(other.Record(t.Context(), money("3"))))
	x.damaged.damage = func(e *accounts.Entry) bool { e.Prev[0]++; return true }
	for range 3 {
		require.ErrorIs(t, errOf(x.Portfolio.Record(t.Context(), money("4"))), accounts.ErrCorrupt)
	}
	require.Equal(t, []string{
		x.line("DEBUG append refused, deciding again", "seq", 2, "duplicate", false),
		x.line("ERROR journal is corrupt", "seq", 3, "err", "journal is corrupt"),
	}, x.logs.take(), "once for all commands that find the same")
	requireHarmless(t, x)
}

func TestLogOfSwitches(t *testing.T) {
	x := newTrouble(t)
	secret, err := credentials.NewGatewayLogin(credentials.NewSecret([]byte("user")), credentials.NewSecret([]byte(secretWord)), "paper")
	require.NoError(t, err)
	require.NoError(t, x.Manager.SetCredentials(t.Context(), x.Profile.ID, secret))
	x.hookErr.Store(true)
	_, err = x.Manager.SwitchProfile(t.Context(), x.Profile.ID)
	require.ErrorIs(t, err, errTattling)
	require.Equal(t, []string{x.line("WARN switch hook failed", "hook", 1, "undo", false, "err", "login of (account) refused")}, x.logs.take())
	require.EqualValues(t, 1, x.Manager.Stats().HookFailures)

	x.hookErr.Store(false)
	x.fake.onSetActive = func(context.Context, accounts.OwnerID, accounts.ProfileID, time.Time) error {
		x.hookErr.Store(true)
		x.fake.onActive = func(context.Context, accounts.OwnerID) (accounts.ProfileID, error) { return "", errTattling }
		return errTattling
	}
	_, err = x.Manager.SwitchProfile(t.Context(), x.Profile.ID)
	require.ErrorIs(t, err, accounts.ErrOutcomeUnknown)
	require.Equal(t, []string{
		x.line("ERROR outcome of a switch is unknown", "err", "persist: login of (account) refused"),
		"WARN switch hook failed profile= hook=1 undo=true err=login of (account) refused",
	}, x.logs.take())
	requireHarmless(t, x)
}

func TestLogOfWatches(t *testing.T) {
	x := newTrouble(t)
	tries := 0
	told := make(chan accounts.Event)
	x.fake.onWatch = func(context.Context) (<-chan accounts.Event, error) {
		if tries++; tries <= 2 {
			return nil, errTattling
		}
		return told, nil
	}
	var failures atomic.Int64
	x.fake.onProfile = func(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) { // asked once the watch is back, too
		if failures.Add(-1) >= 0 {
			return accounts.AccountProfile{}, errTattling
		}
		return x.fake.Store.Profile(ctx, id)
	}
	close(x.silent)
	x.logs.await(t, "resumed")
	require.Equal(t, []string{
		"WARN watch on the store broke off",
		"WARN store cannot be watched attempt=1 err=login of (account) refused",
		"DEBUG store cannot be watched attempt=2 err=login of (account) refused",
		"INFO watch on the store resumed attempt=3",
	}, x.logs.take())
	s := x.Manager.Stats()
	require.Equal(t, []int64{1, 2}, []int64{s.WatchRestarts, s.WatchFailures})

	failures.Store(2)
	told <- accounts.Event{Kind: accounts.EventProfile, ProfileID: x.Profile.ID}
	x.logs.await(t, "caught up")
	require.Equal(t, []string{
		x.line("WARN portfolio cannot catch up, trying again", "seq", 0, "attempt", 1, "err", "login of (account) refused"),
		x.line("DEBUG portfolio cannot catch up, trying again", "seq", 0, "attempt", 2, "err", "login of (account) refused"),
		x.line("INFO portfolio has caught up", "seq", 0, "attempt", 3),
	}, x.logs.take())
	require.EqualValues(t, 2, x.Manager.Stats().CatchUpFailures)
	requireHarmless(t, x)
}

// requireHarmless looks for what no log may show in everything that was logged.
func requireHarmless(t *testing.T, x *trouble) {
	t.Helper()
	require.NotEmpty(t, x.logs.all.String())
	for _, never := range []string{secretAccount, secretAmount, secretWord} {
		require.NotContains(t, x.logs.all.String(), never)
	}
}

// Account ids are masked wherever they stand, and the library's own ids are not.
func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"login of DU1234567 refused":                       "login of (account) refused",
		"user=xDU1234567y":                                 "user=x(account)",
		"profile 01a221a6-f543-7510-b08f-008a11cf5432f111": "profile 01a221a6-f543-7510-b08f-008a11cf5432(account)",
		"profile 01a221a6-f543-7510-b08f-008a11cf5432":     "profile 01a221a6-f543-7510-b08f-008a11cf5432",
	} {
		require.Equal(t, want, accounts.Harmless(text))
	}
}
