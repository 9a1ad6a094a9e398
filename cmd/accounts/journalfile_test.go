package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/internal/goldentest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
	"github.com/ai-ots/accounts/store/pgstore"
)

func quiet(string, int64) *progress { return nil }

// exported returns a profile's journal as a file has it.
func exported(t require.TestingT, s accounts.Store, id accounts.ProfileID) []byte {
	p, err := s.Profile(context.Background(), id)
	require.NoError(t, err)
	var b bytes.Buffer
	h, err := writeJournal(context.Background(), s, p, &b, func(int64) *progress { return nil })
	require.NoError(t, err)
	last, head, err := accounts.VerifyJournal(context.Background(), s, id)
	require.NoError(t, err)
	require.Equal(t, []any{last, head}, []any{h.Entries, h.HeadHash}, "the header names another head")
	return b.Bytes()
}

// restore restores a file into a store.
func restore(ctx context.Context, s accounts.Store, file []byte) error {
	r := &restoring{file: bytes.NewReader(file), store: s, progress: quiet}
	if err := r.check(ctx); err != nil {
		return err
	}
	return r.run(ctx)
}

func entriesOf(t require.TestingT, s accounts.Store, id accounts.ProfileID) (list []accounts.Entry) {
	for e, err := range s.Entries(context.Background(), id, 0) {
		require.NoError(t, err)
		list = append(list, e)
	}
	return list
}

// requireRestored requires that a restored profile is what was exported.
func requireRestored(t require.TestingT, from, to accounts.Store, id accounts.ProfileID) {
	want, err := from.Profile(context.Background(), id)
	require.NoError(t, err)
	got, err := to.Profile(context.Background(), id)
	require.NoError(t, err)
	require.Equal(t, want.Version+1, got.Version)
	got.Version = want.Version
	same, err := equalJSON(want, got)
	require.NoError(t, err)
	require.True(t, same, "the profile is %+v, not %+v", got, want)
	require.Equal(t, entriesOf(t, from, id), entriesOf(t, to, id), "entries differ")
}

// newSmall returns a store with a profile of some entries, among them one that was sent under a lease.
func newSmall(t *testing.T, fence int64) (accounts.Store, accounts.ProfileID) {
	t.Helper()
	d := desktest.NewDesk(t, nil)
	d.Fill(t, "", desktest.XYZ, "10", "100")
	d.Accept(t, desktest.Order("o1", desktest.XYZ, "1", "100"))
	require.NoError(t, d.Portfolio.Dispatch(t.Context(), risk.Dispatch{OrderID: "o1", Ref: "r1", Terms: "LMT DAY", Lease: "login", Fence: fence}))
	return d.Store, d.Profile.ID
}

// exportedFile is a small export in a file.
func exportedFile(t *testing.T) string {
	t.Helper()
	return exportedWith(t, 3)
}

// exportedWith is a small export whose journal names a fence.
func exportedWith(t *testing.T, fence int64) string {
	t.Helper()
	s, id := newSmall(t, fence)
	path := filepath.Join(t.TempDir(), "small.journal")
	require.NoError(t, os.WriteFile(path, exported(t, s, id), 0o600))
	return path
}

// Whatever happened to a profile, its restored journal is the same, hash by hash.
func TestRestoreIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from := memstore.New()
		defer from.Close()
		to := memstore.New()
		defer to.Close()
		now := desktest.Now
		m, err := accounts.New(from, accounts.WithClock(func() time.Time { return now }))
		require.NoError(rt, err)
		defer m.Close()
		p := accounts.Optimal100K("DU1000100")
		p.Owner = rapid.SampledFrom([]accounts.OwnerID{"", "ann"}).Draw(rt, "owner")
		p.Status = rapid.SampledFrom([]accounts.ProfileStatus{"active", "inactive", "suspended"}).Draw(rt, "status")
		if rapid.Bool().Draw(rt, "own limits") {
			p.Limits = desktest.Loose()
		}
		p, err = m.CreateProfile(context.Background(), p)
		require.NoError(rt, err)
		f, err := m.Portfolio(context.Background(), p.ID)
		require.NoError(rt, err)
		for n := range rapid.IntRange(0, 30).Draw(rt, "steps") {
			now = now.Add(time.Minute)
			randomStep(rt, f, n, now)
		}
		if rapid.Bool().Draw(rt, "archived") {
			require.NoError(rt, m.ArchiveProfile(context.Background(), p.ID))
		}
		require.NoError(rt, restore(context.Background(), to, exported(rt, from, p.ID)))
		requireRestored(rt, from, to, p.ID)
		require.ErrorIs(rt, restore(context.Background(), to, exported(rt, from, p.ID)), accounts.ErrProfileExists)
	})
}

// randomStep does something to a portfolio. What is refused is no step.
func randomStep(rt *rapid.T, p *accounts.Portfolio, n int, now time.Time) {
	ctx := context.Background()
	quantity := desktest.Dec(fmt.Sprint(rapid.SampledFrom([]int{-7, -1, 1, 2, 10}).Draw(rt, "quantity")))
	contract := rapid.SampledFrom([]ledger.Instrument{desktest.ABC, desktest.XYZ, desktest.LateCall}).Draw(rt, "contract")
	fill := ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("x.%d.01", n)), Instrument: contract, Quantity: quantity,
		Price: desktest.Dec("41.25"), Commission: desktest.Dec("1"), Time: now}
	switch rapid.IntRange(0, 8).Draw(rt, "kind") {
	case 0, 1, 2:
		_, err := p.Record(ctx, fill)
		require.NoError(rt, err)
	case 3: // a correction of an earlier one, if there was one
		fill.ExecID = ledger.ExecID(fmt.Sprintf("x.%d.02", rapid.IntRange(0, n).Draw(rt, "corrected")))
		_, _ = p.Record(ctx, fill)
	case 4:
		_, err := p.Record(ctx, ledger.CashMovement{ID: fmt.Sprint("c", n), Kind: ledger.Deposit, Currency: "USD", Amount: desktest.Dec("1000"), Time: now})
		require.NoError(rt, err)
	case 5:
		_, _ = p.Record(ctx, ledger.Cancellation{ExecID: ledger.ExecID(fmt.Sprintf("x.%d.01", rapid.IntRange(0, n).Draw(rt, "cancelled"))), Time: now})
	case 6:
		require.NoError(rt, p.Mark(ledger.Mark{Instrument: contract, Price: desktest.Dec("41"), Time: now}))
		_, _ = p.Reserve(ctx, desktest.Order(ledger.OrderID(fmt.Sprint("o", n)), contract, quantity.String(), "41"))
	case 7:
		require.NoError(rt, p.Halt(ctx, rapid.SampledFrom([]string{"drill", "<&>", "“ü” 漢"}).Draw(rt, "reason")))
	case 8:
		_ = p.Resume(ctx, "drill is over") // refused while a mark is missing
	}
}

// Journals of every kind of entry go into PostgreSQL and out of it again.
func TestRestoreGoldenJournals(t *testing.T) {
	folder := filepath.Join("..", "..", "testdata", "golden")
	for _, name := range goldentest.Names(t, folder) {
		j := goldentest.Load(t, folder, name)
		from := memstore.New()
		profile := j.Profile.Stored()
		require.NoError(t, from.CreateProfile(t.Context(), profile))
		require.NoError(t, from.Append(t.Context(), accounts.Batch{ProfileID: profile.ID, Entries: j.Entries}), name)
		file := exported(t, from, profile.ID)
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, file, 0o600))

		d := newDesk(t)
		var said journalSummary
		d.json(exitFound, &said, "restore", path)
		require.Equal(t, journalSummary{ProfileID: profile.ID, File: path, Entries: int64(len(j.Entries)), HeadHash: j.Last().Hash}, said, name)
		d.want(exitFailed, "verify", string(profile.ID)) // the plan has written nothing
		require.Contains(t, d.want(exitDone, "restore", path, "-yes").stdout, j.Last().Hash.String())
		s := d.store()
		requireRestored(t, from, s, profile.ID)
		require.NoError(t, s.Verify(t.Context(), profile.ID), name)
		d.want(exitDone, "verify")
		require.Contains(t, d.want(exitFailed, "restore", path, "-yes").stderr, accounts.ErrProfileExists.Error())

		again := filepath.Join(t.TempDir(), name)
		d.json(exitDone, &said, "export", string(profile.ID), "-o", again)
		require.Equal(t, j.Last().Hash, said.HeadHash, name)
		other, err := os.ReadFile(again)
		require.NoError(t, err)
		_, entries, _ := bytes.Cut(file, []byte("\n"))
		_, restored, _ := bytes.Cut(other, []byte("\n"))
		require.Equal(t, string(entries[:bytes.LastIndexByte(entries[:len(entries)-1], '\n')]),
			string(restored[:bytes.LastIndexByte(restored[:len(restored)-1], '\n')]), "the lines of %s differ", name)
	}
}

// Whatever byte of a file is changed, and wherever it is cut off, the file is refused before anything is
// written.
func TestTamperedFiles(t *testing.T) {
	s, id := newSmall(t, 3)
	file := exported(t, s, id)
	refused := func(b []byte, format string, args ...any) {
		t.Helper()
		to := memstore.New()
		defer to.Close()
		err := restore(t.Context(), to, b)
		require.True(t, errors.Is(err, accounts.ErrCorrupt) || errors.Is(err, errFileVersion), "%s: %v", fmt.Sprintf(format, args...), err)
		list, err := to.Profiles(t.Context(), accounts.ProfileFilter{})
		require.NoError(t, err)
		require.Empty(t, list, "something was written all the same")
	}
	for at := range file {
		b := bytes.Clone(file)
		switch at % 16 { // some of all
		case 0, 5, 10:
			b[at] ^= 1
			refused(b, "byte %d, %q, is another", at, file[at])
		case 3, 8:
			b[at] ^= 0x20
			refused(b, "byte %d, %q, is of the other case", at, file[at])
		case 13:
			refused(file[:at], "cut at %d", at)
			refused(append(b[:at], file[at+1:]...), "without byte %d", at)
		}
	}
	lines := bytes.SplitAfter(file, []byte("\n"))
	for i := range lines[:len(lines)-1] {
		without := append(append([][]byte{}, lines[:i]...), lines[i+1:]...)
		refused(bytes.Join(without, nil), "without line %d", i+1)
		twice := append(append([][]byte{}, lines[:i+1]...), lines[i:]...)
		refused(bytes.Join(twice, nil), "line %d twice", i+1)
		spaced := append(append([][]byte{}, lines[:i]...), append([]byte(" "), lines[i]...))
		refused(bytes.Join(append(spaced, lines[i+1:]...), nil), "line %d behind a space", i+1)
	}
	refused(append(bytes.Clone(file), '\n'), "a line more")
	refused(nil, "nothing")
	require.NoError(t, restore(t.Context(), memstore.New(), file), "the file itself")
}

// A file that somebody wrote anew, with its own digest, is refused where its entries are not those of the head.
func TestForgedFiles(t *testing.T) {
	s, id := newSmall(t, 3)
	p, err := s.Profile(t.Context(), id)
	require.NoError(t, err)
	list := entriesOf(t, s, id)
	n := len(list)
	whole := header{fileFormat, fileVersion, desktest.Now, p, int64(n), list[n-1].Hash}
	for name, forge := range map[string]func(h *header, list []accounts.Entry) []accounts.Entry{
		"":                  func(_ *header, l []accounts.Entry) []accounts.Entry { return l },
		"another head":      func(h *header, l []accounts.Entry) []accounts.Entry { h.HeadHash = l[0].Hash; return l },
		"an entry twice":    func(h *header, l []accounts.Entry) []accounts.Entry { return append(l[:1:1], l...) },
		"cut":               func(h *header, l []accounts.Entry) []accounts.Entry { h.Entries--; return l[:n-1] },
		"a count too high":  func(h *header, l []accounts.Entry) []accounts.Entry { h.Entries++; return l },
		"a count too low":   func(h *header, l []accounts.Entry) []accounts.Entry { h.Entries--; return l },
		"a negative count":  func(h *header, l []accounts.Entry) []accounts.Entry { h.Entries = -1; return nil },
		"another profile":   func(h *header, l []accounts.Entry) []accounts.Entry { h.Profile.ID = "other"; return l },
		"no profile":        func(h *header, l []accounts.Entry) []accounts.Entry { h.Profile = accounts.AccountProfile{}; return l },
		"a new version":     func(h *header, l []accounts.Entry) []accounts.Entry { h.Version++; return l },
		"something else":    func(h *header, l []accounts.Entry) []accounts.Entry { h.Format = "x"; return l },
		"another payload":   func(_ *header, l []accounts.Entry) []accounts.Entry { l[1].Payload = l[0].Payload; return l },
		"an unknown kind":   func(h *header, l []accounts.Entry) []accounts.Entry { return forged(h, l, "rumour") },
		"another of a kind": func(h *header, l []accounts.Entry) []accounts.Entry { l[1].Kind = "x"; return l },
	} {
		h := whole
		entries := forge(&h, append([]accounts.Entry{}, list...))
		var b bytes.Buffer
		w := newFileWriter(&b)
		require.NoError(t, w.line(h))
		for _, e := range entries {
			require.NoError(t, w.line(e))
		}
		require.NoError(t, w.end())
		to := memstore.New()
		err := restore(t.Context(), to, b.Bytes())
		if name == "" {
			require.NoError(t, err)
			require.NoError(t, to.Close())
			continue
		}
		written, listing := to.Profiles(t.Context(), accounts.ProfileFilter{})
		require.NoError(t, listing)
		require.Empty(t, written, "%s: something was written all the same", name)
		require.NoError(t, to.Close())
		require.True(t, errors.Is(err, accounts.ErrCorrupt) || errors.Is(err, errFileVersion), "%s: %v", name, err)
	}
}

// forged makes the last entry one of another kind, with hash and head to match.
func forged(h *header, list []accounts.Entry, kind ledger.EntryKind) []accounts.Entry {
	last := &list[len(list)-1]
	last.Kind = kind
	last.Hash = last.Sum()
	h.HeadHash = last.Hash
	return list
}

// stopping is a store that fails after some appends.
type stopping struct {
	accounts.Store
	appends int
}

var errStopped = errors.New("stopped")

func (s *stopping) Append(ctx context.Context, b accounts.Batch) error {
	if s.appends--; s.appends < 0 {
		return errStopped
	}
	return s.Store.Append(ctx, b)
}

func trades(n int) (list []ledger.Fact) {
	for i := range n {
		list = append(list, desktest.Trade(i, desktest.ABC, []string{"1", "-1"}[i%2], "10"))
	}
	return list
}

// The journal of another history of the same profile is not gone on with.
func TestRestoreOfAnotherHistory(t *testing.T) {
	var files [][]byte
	for _, price := range []string{"10", "11"} {
		s := memstore.New()
		m := desktest.NewManager(t, s)
		p := accounts.Optimal100K("DU1000100")
		p.ID = "p"
		p, err := m.CreateProfile(t.Context(), p)
		require.NoError(t, err)
		f, err := m.Portfolio(t.Context(), p.ID)
		require.NoError(t, err)
		_, err = f.Record(t.Context(), desktest.Trade(1, desktest.ABC, "1", price), desktest.Trade(2, desktest.ABC, "1", "12"))
		require.NoError(t, err)
		files = append(files, exported(t, s, p.ID))
	}
	to := memstore.New()
	defer to.Close()
	require.ErrorIs(t, restore(t.Context(), &failingUpdate{to}, files[0]), errStopped)
	require.ErrorIs(t, restore(t.Context(), to, files[1]), accounts.ErrProfileExists)
	require.NoError(t, restore(t.Context(), to, files[0]))
}

// A restore that is interrupted is finished by another with the same file, and with no other.
func TestRestoreIsResumed(t *testing.T) {
	b := desktest.NewBench(t)
	b.Record(t, trades(2*batchEntries+17)...)
	file := exported(t, b.Store, b.Profile.ID)
	b.Record(t, desktest.Trade(1500, desktest.ABC, "1", "10"))
	longer := exported(t, b.Store, b.Profile.ID)

	to := memstore.New()
	defer to.Close()
	require.ErrorIs(t, restore(t.Context(), &stopping{to, 1}, longer), errStopped)
	p, err := to.Profile(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	require.Equal(t, accounts.StatusSuspended, p.Status, "nobody may trade on half a journal")
	require.Len(t, entriesOf(t, to, p.ID), batchEntries)
	require.NoError(t, restore(t.Context(), to, longer))
	requireRestored(t, b.Store, to, p.ID)

	other := memstore.New()
	defer other.Close()
	require.NoError(t, restore(t.Context(), &stopping{other, 3}, longer))
	require.ErrorIs(t, restore(t.Context(), other, file), accounts.ErrProfileExists)

	longest := memstore.New() // whose journal is beyond the file's
	defer longest.Close()
	require.ErrorIs(t, restore(t.Context(), &failingUpdate{longest}, longer), errStopped)
	require.ErrorIs(t, restore(t.Context(), longest, file), accounts.ErrProfileExists)
	require.NoError(t, restore(t.Context(), longest, longer))
}

// leaving is a store whose caller leaves in the middle of an append.
type leaving struct {
	*pgstore.Store
	appends int
	leave   context.CancelFunc
}

func (s *leaving) Append(ctx context.Context, b accounts.Batch) error {
	if s.appends--; s.appends < 0 {
		s.leave()
	}
	return s.Store.Append(ctx, b)
}

// A restore into PostgreSQL that is interrupted, whatever became of the append under way, is finished later.
func TestRestoreIsInterrupted(t *testing.T) {
	b := desktest.NewBench(t)
	b.Record(t, trades(batchEntries+5)...)
	file := exported(t, b.Store, b.Profile.ID)
	path := filepath.Join(t.TempDir(), "p.journal")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	d := newDesk(t)
	for appends := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		require.ErrorIs(t, restore(ctx, &leaving{d.store(), appends % 2, cancel}, file), context.Canceled)
		cancel()
	}
	require.Contains(t, d.want(exitDone, "profiles", "list").stdout, "suspended")
	d.want(exitDone, "restore", path, "-yes")
	requireRestored(t, b.Store, d.store(), b.Profile.ID)
	d.want(exitDone, "verify")
}

// failingUpdate is a store that updates no profile.
type failingUpdate struct{ accounts.Store }

func (s *failingUpdate) UpdateProfile(context.Context, accounts.AccountProfile) error {
	return errStopped
}

// Whoever takes a lease next is not refused for what the journal says of the old store's.
func TestRestoreRaisesLeases(t *testing.T) {
	d := newDesk(t)
	d.want(exitDone, "restore", "-yes", exportedFile(t))
	s := d.store()
	l, err := s.Lease(t.Context(), "login", "engine", time.Minute)
	require.NoError(t, err)
	require.Greater(t, l.Fence, int64(3), "the journal names fence 3")
	list, err := s.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err)
	p := portfolio(t, s, list[0].ID)
	require.NoError(t, p.Mark(ledger.Mark{Instrument: desktest.XYZ, Price: desktest.Dec("100"), Time: time.Now()}))
	_, err = p.Reserve(t.Context(), desktest.Order("o2", desktest.XYZ, "1", "100"))
	require.NoError(t, err)
	require.NoError(t, p.Dispatch(t.Context(), risk.Dispatch{OrderID: "o2", Ref: "r2", Terms: "LMT DAY", Lease: l.Name, Fence: l.Fence}))
}

func TestRefusedRestores(t *testing.T) {
	path := exportedFile(t)
	d := newDesk(t)
	d.create("other", "DU1000100")
	require.Contains(t, d.want(exitFailed, "restore", path).stderr, accounts.ErrAccountTaken.Error())
	require.Contains(t, d.want(exitFailed, "restore", path, "-yes").stderr, accounts.ErrAccountTaken.Error())
	d.sql(`UPDATE trading.account_profiles SET profile_name = 'Optimal-100K'`)
	require.Contains(t, d.want(exitFailed, "restore", path, "-shared-account").stderr, accounts.ErrNameTaken.Error())
	d.sql(`UPDATE trading.account_profiles SET profile_name = 'other'`)
	d.want(exitDone, "restore", path, "-yes", "-shared-account")
	d.want(exitFailed, "restore", filepath.Join(t.TempDir(), "nowhere"))

	require.Contains(t, newDesk(t).want(exitFailed, "restore", exportedWith(t, maxFence+1), "-yes").stderr, "is beyond 1000000")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := filepath.Join(t.TempDir(), "damaged")
	require.NoError(t, os.WriteFile(damaged, []byte(strings.Replace(string(text), "o1", "o2", 1)), 0o600))
	require.Contains(t, newDesk(t).want(exitFailed, "restore", damaged, "-yes").stderr, "do not match its hash")
}

// An export goes into another schema of the same database, and out to standard output.
func TestRestoreIntoAnotherSchema(t *testing.T) {
	d := newDesk(t)
	d.create("p", "DU1000100")
	_, err := portfolio(t, d.store(), "p").Record(t.Context(), desktest.Trade(1, desktest.ABC, "5", "10"))
	require.NoError(t, err)
	out := d.want(exitDone, "export", "DU1000100")
	path := filepath.Join(t.TempDir(), "p.journal")
	require.NoError(t, os.WriteFile(path, []byte(out.stdout), 0o600))
	d.want(exitDone, "migrate", "up", "-schema", "second")
	d.want(exitDone, "restore", path, "-yes", "-schema", "second")
	d.want(exitDone, "verify", "-schema", "second", "p")
	requireRestored(t, d.store(), d.store(pgstore.WithSchema("second")), "p")
}

// A file appears whole, for its owner alone, and no file is overwritten.
func TestExportedFile(t *testing.T) {
	d := newDesk(t)
	d.create("p", "DU1000100")
	dir := t.TempDir()
	path := filepath.Join(dir, "p.journal")
	d.want(exitDone, "export", "p", "-o", path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, d.want(exitFailed, "export", "p", "-o", path).stderr, "exists")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)

	_, err = portfolio(t, d.store(), "p").Record(t.Context(), desktest.Trade(1, desktest.ABC, "5", "10"))
	require.NoError(t, err)
	d.sql(`UPDATE trading.journal_entries SET payload = replace(convert_from(payload, 'UTF8'), '"5"', '"6"')::bytea`)
	require.Contains(t, d.want(exitFailed, "export", "p", "-o", filepath.Join(dir, "damaged")).stderr, "hash")
	d.want(exitFailed, "export", "nobody", "-o", filepath.Join(dir, "nobody"))
	d.want(exitFailed, "export", "p", "-o", filepath.Join(dir, "no", "folder"))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "something is left of exports that failed")
}
