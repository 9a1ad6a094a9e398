package accounts_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// journalOf is a store that has entries and nothing else, right or wrong.
type journalOf struct {
	accounts.Store
	entries []accounts.Entry
	err     error // yielded behind the entries
}

func (j journalOf) Entries(context.Context, accounts.ProfileID, int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		for _, e := range j.entries {
			if !yield(e, nil) {
				return
			}
		}
		if j.err != nil {
			yield(accounts.Entry{}, j.err)
		}
	}
}

// chained returns n sound entries of profile p.
func chained(n int) []accounts.Entry {
	var prev accounts.Hash
	entries := make([]accounts.Entry, n)
	for i := range entries {
		e := accounts.Entry{
			ProfileID: "p", Seq: int64(i + 1), Kind: ledger.KindCash, Key: string(rune('a' + i)),
			Time:    time.Date(2025, 5, 16, 13, 30, i, 123456000, time.UTC),
			Payload: []byte(`{"v":1,"amount":"10"}`), Prev: prev,
		}
		e.Hash = e.Sum()
		entries[i], prev = e, e.Hash
	}
	return entries
}

// The layout is spelled out once more, by other means: journals that exist must verify for ever.
func TestEntrySum(t *testing.T) {
	e := chained(2)[1]
	var b bytes.Buffer
	b.Write(e.Prev[:])
	require.NoError(t, binary.Write(&b, binary.BigEndian, []int64{e.Seq, e.Time.UnixMicro()}))
	for _, s := range []string{"p", "cash", "b", `{"v":1,"amount":"10"}`} {
		require.NoError(t, binary.Write(&b, binary.BigEndian, uint32(len(s))))
		b.WriteString(s)
	}
	require.Equal(t, accounts.Hash(sha256.Sum256(b.Bytes())), e.Sum(), "the hash covers something else, or in another order")
	require.Equal(t, "286ece542b0b294a863a5f5492716a513e798ebb48d6489b6c491be0223867ba", e.Sum().String(), "journals of released versions no longer verify")
}

func TestEntrySumInAnotherZone(t *testing.T) {
	e := chained(1)[0]
	e.Time = e.Time.In(time.FixedZone("elsewhere", 3600))
	require.Equal(t, e.Hash, e.Sum(), "the same instant in another zone is hashed differently")
}

func TestVerifyJournal(t *testing.T) {
	for _, n := range []int{0, 1, 100} {
		entries := chained(n)
		seq, hash, err := accounts.VerifyJournal(t.Context(), journalOf{entries: entries}, "p")
		require.NoError(t, err, "a sound journal of %d entries", n)
		require.EqualValues(t, n, seq)
		if n > 0 {
			require.Equal(t, entries[n-1].Hash, hash, "not the hash of the last entry")
		}
	}
}

// rehash makes entry i sound in itself, as somebody would who tampers with care.
func rehash(entries []accounts.Entry, i int) { entries[i].Hash = entries[i].Sum() }

func TestVerifyJournalFindsTampering(t *testing.T) {
	for name, test := range map[string]struct {
		tamper func([]accounts.Entry) []accounts.Entry
		at     int64 // the entry found at fault
	}{
		"payload":         {func(e []accounts.Entry) []accounts.Entry { e[2].Payload[20] = '9'; return e }, 3},
		"payload cut":     {func(e []accounts.Entry) []accounts.Entry { e[2].Payload = nil; return e }, 3},
		"kind":            {func(e []accounts.Entry) []accounts.Entry { e[2].Kind = ledger.KindTrade; return e }, 3},
		"key":             {func(e []accounts.Entry) []accounts.Entry { e[2].Key = "x"; return e }, 3},
		"time":            {func(e []accounts.Entry) []accounts.Entry { e[2].Time = e[2].Time.Add(time.Microsecond); return e }, 3},
		"byte moved":      {func(e []accounts.Entry) []accounts.Entry { e[2].Kind, e[2].Key = "cas", "h"+e[2].Key; return e }, 3},
		"hash":            {func(e []accounts.Entry) []accounts.Entry { e[2].Hash[0] ^= 1; return e }, 3},
		"previous hash":   {func(e []accounts.Entry) []accounts.Entry { e[2].Prev[0] ^= 1; return e }, 3},
		"payload, hashed": {func(e []accounts.Entry) []accounts.Entry { e[2].Payload[20] = '9'; rehash(e, 2); return e }, 4},
		"first, hashed":   {func(e []accounts.Entry) []accounts.Entry { e[0].Prev[0] ^= 1; rehash(e, 0); return e }, 1},
		"profile":         {func(e []accounts.Entry) []accounts.Entry { e[2].ProfileID = "q"; rehash(e, 2); return e }, 3},
		"number":          {func(e []accounts.Entry) []accounts.Entry { e[2].Seq = 30; rehash(e, 2); return e }, 3},
		"first removed":   {func(e []accounts.Entry) []accounts.Entry { return e[1:] }, 1},
		"one removed":     {func(e []accounts.Entry) []accounts.Entry { return append(e[:2], e[3:]...) }, 3},
		"one repeated":    {func(e []accounts.Entry) []accounts.Entry { e[3] = e[2]; return e }, 4},
		"two swapped":     {func(e []accounts.Entry) []accounts.Entry { e[2], e[3] = e[3], e[2]; return e }, 3},
		"renumbered gap": {func(e []accounts.Entry) []accounts.Entry {
			e = append(e[:2], e[3:]...)
			e[2].Seq = 3
			rehash(e, 2)
			return e
		}, 3},
		"one put in": {func(e []accounts.Entry) []accounts.Entry {
			forged := e[2]
			forged.Seq, forged.Prev = 6, e[4].Hash
			return append(e, forged) // with its old hash
		}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := accounts.VerifyJournal(t.Context(), journalOf{entries: test.tamper(chained(5))}, "p")
			require.ErrorIs(t, err, accounts.ErrCorrupt, "nobody noticed")
			var corrupt *accounts.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, accounts.ProfileID("p"), corrupt.ProfileID, "another profile is blamed")
			require.Equal(t, test.at, corrupt.Seq, "another entry is blamed: %v", err)
		})
	}
}

// A cut-off end leaves a whole journal, so the head that is returned must give it away.
func TestVerifyJournalReturnsTheHeadOfACutJournal(t *testing.T) {
	entries := chained(5)
	seq, hash, err := accounts.VerifyJournal(t.Context(), journalOf{entries: entries[:3]}, "p")
	require.NoError(t, err)
	require.EqualValues(t, 3, seq)
	require.Equal(t, entries[2].Hash, hash)
}

func TestVerifyJournalPassesOnTheStoresError(t *testing.T) {
	failure := errors.New("connection lost")
	seq, _, err := accounts.VerifyJournal(t.Context(), journalOf{entries: chained(2), err: failure}, "p")
	require.ErrorIs(t, err, failure)
	require.NotErrorIs(t, err, accounts.ErrCorrupt, "a failing store passes for a corrupt journal")
	require.EqualValues(t, 2, seq, "not how far the journal was read")
}
