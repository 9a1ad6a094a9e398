package storetest

import (
	"bytes"
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

func appendChecks() []check {
	return []check{
		{"Append keeps what it accepted, byte for byte", checkKept},
		{"Append of an empty batch is accepted and changes nothing", checkEmptyBatch},
		{"Append adds all of a large batch or none", checkLargeBatch},
		{"Append to an unknown profile is a miss", checkAppendMiss},
		{"Append refuses an entry of another profile", checkForeignEntry},
		{"Append refuses sequence numbers that do not run on from After", checkGap},
		{"Append refuses a batch that repeats a key within itself", checkRepeatedKey},
		{"Append refuses a batch that does not continue the journal", checkStaleAfter},
		{"Append lists every duplicate key in the batch's order", checkDuplicates},
		{"empty keys are no duplicates of each other", checkEmptyKeys},
		{"keys are unique within a profile, not across profiles", checkKeysPerProfile},
		{"Append tells its errors in the order of precedence", checkAppendPrecedence},
		{"a refused Append leaves no trace", checkRefusedAppend},
	}
}

// "keeps what it accepted, byte for byte": every field of an entry, payloads that a decoder and
// encoder would change, kinds that are unknown. "It decides nothing about trading."
func checkKept(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	var want []accounts.Entry
	for _, payload := range []string{
		`{"v":1}`,
		" {\n\t\"v\" : 1, \"b\":1.50, \"a\":1e2, \"a\":-0 }\r\n",
		`{"v":1,"text":"\u00e9 é \ud83d\ude00 😀 \/ <>&'\\ \u2028"}`,
		`{"v":1,"big":123456789012345678901234567890.123456789012345678901234567890}`,
		`null`,
		`{"v":1,"pad":"` + string(bytes.Repeat([]byte("x"), 1<<20)) + `"}`,
	} {
		e := j.entry("")
		e.Payload = []byte(payload)
		e.Kind = ledger.EntryKind("kind of the future")
		e.Key = "ключ 'of' \"entry\" \\ %;" + string(rune('a'+len(want)))
		e.Hash = e.Sum()
		want = append(want, e)
	}
	want[0].Prev, want[0].Hash = accounts.Hash{1, 2, 3}, accounts.Hash{255, 0, 255} // no chain: not a store's business
	b := accounts.Batch{ProfileID: "p", Entries: cloneEntries(want)}
	require.NoError(t, s.Append(t.Context(), b), "Append failed")
	requireEntries(t, s, "p", want, "an entry is not as it was given")
	got, err := read(t.Context(), s, "p", 0)
	require.NoError(t, err, "Entries failed")
	for _, e := range got[1:] {
		require.Equal(t, e.Hash, e.Sum(), "entry %d does not match its hash any longer", e.Seq)
	}
}

// "An empty batch is accepted and changes nothing."
func checkEmptyBatch(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	want := appendAll(t, s, accounts.Batch{ProfileID: "p"}, j.batch("a", "b"))
	for _, after := range []int64{2, 0, 7} {
		require.NoError(t, s.Append(t.Context(), accounts.Batch{ProfileID: "p", After: after}),
			"an empty batch after %d was refused", after)
		require.NoError(t, s.Append(t.Context(), accounts.Batch{ProfileID: "p", After: after, Entries: []accounts.Entry{}}),
			"an empty batch after %d was refused", after)
	}
	want = append(want, appendAll(t, s, j.batch("c"))...)
	requireEntries(t, s, "p", want, "an empty batch changed something")
}

// "Append adds the batch's entries to the profile's journal, all or none." Large enough to pass
// the number of parameters of one SQL statement.
func checkLargeBatch(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	list := keys("large", 9_000)
	want := appendAll(t, s, j.batch(list...))
	requireEntries(t, s, "p", want, "a large batch was not added as a whole")

	again := j.batch(append(keys("other", 9_000), list[8_999])...)
	require.ErrorIs(t, s.Append(t.Context(), again), accounts.ErrDuplicate, "the last key of a large batch was not checked")
	requireEntries(t, s, "p", want, "part of a refused batch was added")
}

// "ErrProfileNotFound when there is no such profile".
func checkAppendMiss(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "unknown"}
	b := j.batch("a")
	require.ErrorIs(t, s.Append(t.Context(), b), accounts.ErrProfileNotFound, "an unknown profile has a journal")
	create(t, s, profile("unknown"))
	requireEntries(t, s, "unknown", nil, "a refused batch became part of the journal when the profile was created")
}

// requireRefused checks that the batch is refused with the error and changes nothing.
func requireRefused(t T, s accounts.Store, b accounts.Batch, target error, message string) {
	t.Helper()
	before, beforeErr := read(t.Context(), s, b.ProfileID, 0)
	require.ErrorIs(t, s.Append(t.Context(), b), target, message)
	after, afterErr := read(t.Context(), s, b.ProfileID, 0)
	require.Equal(t, beforeErr == nil, afterErr == nil, message+": the journal can no longer be read as before")
	requireSame(t, before, after, message+": the refused batch changed the journal")
}

// "ErrInvalid when an entry belongs to another profile".
func checkForeignEntry(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	for i := range 3 {
		j := journal{id: "p"}
		b := j.batch("a", "b", "c")
		b.Entries[i].ProfileID = "q"
		requireRefused(t, s, b, accounts.ErrInvalid, "an entry of another profile was accepted")
	}
	requireEntries(t, s, "q", nil, "an entry went to another profile than the batch's")
}

// "ErrInvalid … when sequence numbers do not run on from Batch.After without a gap".
func checkGap(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch("a"))
	for _, seqs := range [][]int64{{1, 2, 3}, {3, 4, 5}, {2, 3, 5}, {2, 2, 4}, {2, 2, 3}, {2, 4, 3}, {2, 3, 0}, {4, 3, 2}, {0, 1, 2}} {
		next := j
		b := next.batch("b", "c", "d")
		for i, seq := range seqs {
			b.Entries[i].Seq = seq
		}
		requireRefused(t, s, b, accounts.ErrInvalid, "sequence numbers that do not run on from After were accepted")
	}
}

// "ErrInvalid … when the batch repeats a key within itself".
func checkRepeatedKey(t T, s accounts.Store) {
	create(t, s, profile("p"))
	for _, list := range [][]string{{"a", "a"}, {"a", "", "b", "a"}, append(keys("k", 100), "k-0")} {
		j := journal{id: "p"}
		requireRefused(t, s, j.batch(list...), accounts.ErrInvalid, "a batch that repeats a key was accepted")
	}
	j := journal{id: "p"}
	want := appendAll(t, s, j.batch("a", "A", "a ", " a", "á", "a\u0301"))
	requireEntries(t, s, "p", want, "keys that differ in their bytes are different keys")
}

// "ErrConflict when the journal's last sequence number is not Batch.After".
func checkStaleAfter(t T, s accounts.Store) {
	create(t, s, profile("p"))
	ahead := journal{id: "p", last: 1}
	requireRefused(t, s, ahead.batch("x"), accounts.ErrConflict, "a batch ahead of an empty journal was accepted")
	j := journal{id: "p"}
	stale := j
	appendAll(t, s, j.batch("a", "b"))
	requireRefused(t, s, stale.batch("x"), accounts.ErrConflict, "a batch for an empty journal was accepted by one with entries")
	for _, last := range []int64{1, 3, 1000, -1} {
		other := journal{id: "p", last: last}
		requireRefused(t, s, other.batch("x", "y"), accounts.ErrConflict, "a batch was accepted that does not continue the journal")
	}
}

// "a *DuplicateError (ErrDuplicate) listing every one of the batch's non-empty keys that the
// journal has already, with its sequence number, in the batch's order."
func checkDuplicates(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch("a", "b", ""), j.batch("c"), j.batch("d"))
	next := j
	b := next.batch("new", "d", "", "a", "newer", "c")
	requireRefused(t, s, b, accounts.ErrDuplicate, "keys that the journal has were accepted")
	var duplicate *accounts.DuplicateError
	require.True(t, errors.As(s.Append(t.Context(), b), &duplicate), "the error is no *DuplicateError")
	require.Equal(t, accounts.ProfileID("p"), duplicate.ProfileID, "the error names another profile")
	require.Equal(t, []accounts.Duplicate{{Key: "d", Seq: 5}, {Key: "a", Seq: 1}, {Key: "c", Seq: 4}}, duplicate.Duplicates,
		"the error does not list every duplicate key with its sequence number in the batch's order")
}

// "every one of the batch's non-empty keys": "empty for none".
func checkEmptyKeys(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	want := appendAll(t, s, j.batch("", ""), j.batch(""), j.batch("a", "", "b", ""))
	requireEntries(t, s, "p", want, "entries without a key were not all kept")
}

// "Key: … unique within the profile".
func checkKeysPerProfile(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	for _, id := range []accounts.ProfileID{"p", "q"} {
		j := journal{id: id}
		requireEntries(t, s, id, appendAll(t, s, j.batch("a", "b")), "another profile's keys got in the way")
	}
}

// "In this order of precedence": each batch is wrong in several ways.
func checkAppendPrecedence(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch("a"))

	unknown := journal{id: "unknown", last: 5}
	b := unknown.batch("a", "a")
	b.Entries[1].Seq, b.Entries[1].ProfileID = 9, "p"
	requireRefused(t, s, b, accounts.ErrProfileNotFound, "an unknown profile comes before everything else")

	for name, spoil := range map[string]func([]accounts.Entry){
		"an entry of another profile": func(e []accounts.Entry) { e[1].ProfileID = "q" },
		"a gap":                       func(e []accounts.Entry) { e[1].Seq++ },
		"a repeated key":              func(e []accounts.Entry) { e[1].Key = e[0].Key },
	} {
		stale := journal{id: "p", last: 7}
		b := stale.batch("a", "b")
		spoil(b.Entries)
		requireRefused(t, s, b, accounts.ErrInvalid, name+" comes before a conflict")
		current := j
		b = current.batch("a", "b")
		spoil(b.Entries)
		requireRefused(t, s, b, accounts.ErrInvalid, name+" comes before a duplicate")
	}

	stale := journal{id: "p"}
	requireRefused(t, s, stale.batch("a"), accounts.ErrConflict, "a conflict comes before a duplicate")
}

// "Atomic: a call that returns an error changed nothing": neither entries nor keys are left of a
// batch that was refused for its last entry.
func checkRefusedAppend(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	want := appendAll(t, s, j.batch("a"))
	for name, spoil := range map[string]func(*accounts.Batch){
		"invalid":   func(b *accounts.Batch) { b.Entries[2].ProfileID = "q" },
		"duplicate": func(b *accounts.Batch) { b.Entries[2].Key = "a" },
		"conflict": func(b *accounts.Batch) {
			b.After += 3
			for i := range b.Entries {
				b.Entries[i].Seq += 3
			}
		},
	} {
		next := j
		b := next.batch("b", "c", "d")
		spoil(&b)
		require.Error(t, s.Append(t.Context(), b), "a batch that is %s was accepted", name)
		requireEntries(t, s, "p", want, "a batch that is "+name+" left entries behind")
	}
	b := j.batch("b", "c", "d")
	b.Entries[0].Time = day.Add(time.Hour)
	want = append(want, appendAll(t, s, b)...)
	requireEntries(t, s, "p", want, "the keys of refused batches are taken")
}
