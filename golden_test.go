package accounts_test

import (
	"bytes"
	"context"
	"flag"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/goldentest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// goldenFolder holds what an earlier version wrote; see README.md there.
const goldenFolder = "testdata/golden"

// goldenStore is a store that holds a golden journal, and knows what was read of it.
type goldenStore struct {
	accounts.Store
	first int64   // the lowest sequence number that was read; 0 for none
	calls []int64 // behind which sequence numbers was read, call by call
}

func (s *goldenStore) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	s.calls = append(s.calls, after)
	return func(yield func(accounts.Entry, error) bool) {
		for e, err := range s.Store.Entries(ctx, id, after) {
			if err == nil && (s.first == 0 || e.Seq < s.first) {
				s.first = e.Seq
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// newGoldenStore loads the journal entry by entry, up to and including entry upTo, and the checkpoint if
// there is one.
func newGoldenStore(t *testing.T, j *goldentest.Journal, upTo int64, c *accounts.Checkpoint) *goldenStore {
	t.Helper()
	s := &goldenStore{Store: memstore.New()}
	t.Cleanup(func() { require.NoError(t, s.Close(), "close the store") })
	profile := j.Profile.Stored()
	require.NoError(t, profile.Validate(), "the profile of %s is not valid any longer", j.Name)
	require.NoError(t, s.CreateProfile(t.Context(), profile), "create the profile of %s", j.Name)
	for i, e := range j.Entries[:upTo] {
		b := accounts.Batch{ProfileID: profile.ID, After: int64(i), Hash: e.Prev, Entries: []accounts.Entry{e}}
		require.NoError(t, s.Append(t.Context(), b), "%s: entry %d is not accepted", j.Name, e.Seq)
	}
	if c != nil {
		require.NoError(t, s.SaveCheckpoint(t.Context(), *c), "%s: keep the checkpoint at %d", j.Name, c.Seq)
	}
	return s
}

// A journal that an earlier version wrote is whole. Every way to open it leads to the state that
// version saw. A checkpoint of an earlier version is passed over: the journal is read instead.
func TestGoldenJournals(t *testing.T) {
	for _, name := range goldentest.Names(t, goldenFolder) {
		j := goldentest.Load(t, goldenFolder, name)
		if *updateFigures {
			j.Now = writeCheckpoints(t, j)
		}
		require.Len(t, j.Now, 2, "checkpoints of today's version: run with -update-figures for a new journal or version")
		for _, from := range []struct {
			name string
			at   *accounts.Checkpoint
			used bool
		}{
			{"the whole journal", nil, false}, {"its own checkpoint in the middle", &j.Middle, ofToday(j.Middle)},
			{"its own checkpoint at the end", &j.End, ofToday(j.End)}, {"the checkpoint in the middle", &j.Now[0], true},
			{"the checkpoint at the end", &j.Now[1], true},
		} {
			t.Run(name+"/"+from.name, func(t *testing.T) {
				s := newGoldenStore(t, j, j.Last().Seq, from.at)
				seq, hash, err := accounts.VerifyJournal(t.Context(), s.Store, accounts.ProfileID(j.Profile.ID))
				require.NoError(t, err, "numbering or hash chain are not accepted any longer")
				require.Equal(t, j.Last().Seq, seq, "VerifyJournal ends at another entry")
				require.Equal(t, j.Last().Hash, hash, "VerifyJournal ends with another hash")

				p := j.Open(t, s)
				if from.used {
					requireUsed(t, s, from.at)
				} else {
					require.Equal(t, int64(1), s.first, "the journal was not read from its beginning")
				}
				require.Equal(t, j.State, goldentest.State(t, p, &j.Profile, j.End), "the state at the end is another")
				requireFigures(t, j, goldentest.Figures(t, p))
				require.NoError(t, p.Verify(t.Context()), "Verify finds fault")
				c := saveCheckpoint(t, p, s)
				require.Equal(t, string(j.Now[1].State[len(c.Hash):]), string(c.State[len(c.Hash):]), "the checkpoint's book is written otherwise")
				require.Equal(t, j.Now[1], c, "the checkpoint is another")
			})
		}
	}
}

// ofToday reports whether a checkpoint is of the version that is written today.
func ofToday(c accounts.Checkpoint) bool {
	return bytes.HasPrefix(c.State[len(c.Hash):], []byte(`{"v":5,`))
}

// saveCheckpoint saves a checkpoint and returns it.
func saveCheckpoint(t *testing.T, p *accounts.Portfolio, s accounts.Store) accounts.Checkpoint {
	t.Helper()
	require.NoError(t, p.SaveCheckpoint(t.Context()), "save a checkpoint")
	c, err := s.Checkpoint(t.Context(), p.ProfileID(), math.MaxInt64)
	require.NoError(t, err, "read the checkpoint")
	c.Slot = 0
	return c
}

// writeCheckpoints writes the checkpoints of today's version.
func writeCheckpoints(t *testing.T, j *goldentest.Journal) (out []accounts.Checkpoint) {
	t.Helper()
	for _, seq := range []int64{j.Middle.Seq, j.End.Seq} {
		s := newGoldenStore(t, j, seq, nil)
		out = append(out, saveCheckpoint(t, j.Open(t, s), s))
	}
	text := goldentest.CheckpointsText(t, out...)
	require.NoError(t, os.WriteFile(filepath.Join(goldenFolder, goldentest.CheckpointsFile(j.Name)), text, 0o644))
	return out
}

// requireFigures holds figures against NAME.figures.json, or writes the file with -update.
func requireFigures(t *testing.T, j *goldentest.Journal, got string) {
	t.Helper()
	if *updateFigures {
		require.NoError(t, os.WriteFile(filepath.Join(goldenFolder, goldentest.FiguresFile(j.Name)), []byte(got), 0o644))
		return
	}
	require.Equal(t, j.Figures, got, "the figures are others: run with -update-figures if a definition changed, and say so in the changelog")
}

var updateFigures = flag.Bool("update-figures", false, "write the figures and checkpoints of the golden journals anew")

// requireUsed makes sure that the portfolio was opened from the checkpoint: of the journal it read
// the checkpoint's own entry, to confirm it, and then what is behind it.
func requireUsed(t *testing.T, s *goldenStore, c *accounts.Checkpoint) {
	t.Helper()
	require.Equal(t, []int64{c.Seq - 1}, s.calls, "the checkpoint was not used")
	require.Equal(t, c.Seq, s.first, "entries before the checkpoint were read")
}

// What an earlier version wrote is read and written again to the same bytes.
func TestGoldenPayloads(t *testing.T) {
	for _, name := range goldentest.Names(t, goldenFolder) {
		for _, e := range goldentest.Load(t, goldenFolder, name).Entries {
			again, err := accounts.Reencode(&e)
			require.NoError(t, err, "%s: entry %d, a %s, cannot be read", name, e.Seq, e.Kind)
			require.Equal(t, string(e.Payload), string(again), "%s: entry %d, a %s, is written otherwise", name, e.Seq, e.Kind)
		}
	}
}

// Whoever adds a kind of entry adds a golden journal with it.
func TestGoldenJournalsHaveEveryKind(t *testing.T) {
	kinds := []ledger.EntryKind{
		ledger.KindTrade, ledger.KindCash, ledger.KindSplit, ledger.KindOpening, ledger.KindTransfer,
		ledger.KindEquity, ledger.KindAmendment, ledger.KindRestatement, risk.KindHold,
		risk.KindRelease, risk.KindDispatch, risk.KindRefusal, risk.KindBreach, risk.KindState,
		risk.KindPolicy, risk.KindRestatement, accounts.KindAccess,
	}
	seen := map[ledger.EntryKind]int{}
	for _, name := range goldentest.Names(t, goldenFolder) {
		for _, e := range goldentest.Load(t, goldenFolder, name).Entries {
			seen[e.Kind]++
		}
	}
	for _, k := range kinds {
		require.Positive(t, seen[k], "no golden journal has an entry of kind %s", k)
	}
	for k := range seen {
		require.True(t, slices.Contains(kinds, k), "kind %s is in a golden journal and not in this test's list", k)
	}
}
