package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

func appendChecks() []check {
	return []check{
		{"Append keeps what it accepted, byte for byte", checkKept},
		{"Append of an empty batch adds none", checkEmptyBatch},
		{"Append of an empty batch is refused where the journal ends elsewhere", checkStaleEmptyBatch},
		{"Append adds all of a large batch or none", checkLargeBatch},
		{"Append to an unknown profile is a miss", checkAppendMiss},
		{"Append refuses an entry of another profile", checkForeignEntry},
		{"Append refuses sequence numbers that do not run on from After", checkGap},
		{"Append refuses an entry whose Prev is not the hash before it", checkPrev},
		{"Append refuses a batch that repeats a key within itself", checkRepeatedKey},
		{"Append refuses a batch behind another number", checkStaleAfter},
		{"Append refuses a batch behind another entry of the same number", checkFork},
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
		if j.last == 1 {
			e.Hash = accounts.Hash{255, 0, 255} // not what it should be: not a store's business
		}
		j.hash = e.Hash
		want = append(want, e)
	}
	b := accounts.Batch{ProfileID: "p", Entries: cloneEntries(want)}
	require.NoError(t, s.Append(t.Context(), b), "Append failed")
	requireEntries(t, s, "p", want, "an entry is not as it was given")
	got, err := read(t.Context(), s, "p", 0)
	require.NoError(t, err, "Entries failed")
	for _, e := range got[1:] {
		require.Equal(t, e.Hash, e.Sum(), "entry %d does not match its hash any longer", e.Seq)
	}
}

// "A batch without entries adds none": and tells nobody that the journal grew.
func checkEmptyBatch(t T, s accounts.Store) {
	p := create(t, s, profile("p"))
	events := watch(t, s)
	j := journal{id: "p"}
	empty := accounts.Batch{ProfileID: "p", Entries: []accounts.Entry{}}
	want := appendAll(t, s, accounts.Batch{ProfileID: "p"}, empty, j.batch("a", "b"))
	await(t, events, recordEvent(p, 2))
	appendAll(t, s, j.batch(), j.batch())
	setActive(t, s, "", "p", day)
	told := await(t, events, switchEvent("", "p"))
	require.NotContains(t, told, recordEvent(p, 2), "an empty batch tells that the journal grew")
	want = append(want, appendAll(t, s, j.batch("c"))...)
	requireEntries(t, s, "p", want, "an empty batch changed something")
}

// "is refused or accepted by the same rules: nil says that the journal ends where the batch says".
func checkStaleEmptyBatch(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	empty, first := j, j.batch("a")
	middle := j
	appendAll(t, s, first, j.batch("b"))
	refused := []journal{empty, middle, {id: "p", last: 2}, {id: "p", last: 2, hash: middle.hash}, {id: "p", last: 3, hash: j.hash}, {id: "p", hash: j.hash}}
	for _, stale := range refused {
		requireRefused(t, s, stale.batch(), accounts.ErrConflict, "an empty batch was accepted by a journal that ends elsewhere")
	}
	appendAll(t, s, j.batch())
	unknown := journal{id: "unknown"}
	requireRefused(t, s, unknown.batch(), accounts.ErrProfileNotFound, "an empty batch was accepted for no profile")
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

// "ErrInvalid … when an entry's Prev is not the hash before it": Batch.Hash for the first, else the
// hash of the entry before. In a journal with entries, and in one without.
func checkPrev(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	for round := range 2 {
		for i := range 3 {
			for _, prev := range []accounts.Hash{{1}, {31: 1}} {
				next := j
				b := next.batch("b", "c", "d")
				b.Entries[i].Prev = prev
				requireRefused(t, s, b, accounts.ErrInvalid, "an entry was accepted that does not continue the one before it")
			}
		}
		next := j
		b := next.batch("b", "c", "d")
		b.Hash = accounts.Hash{1}
		requireRefused(t, s, b, accounts.ErrInvalid, "an entry was accepted that does not continue the batch's hash")
		appendAll(t, s, j.batch(fmt.Sprint("a", round)))
	}
}

// "ErrConflict when the journal's last entry does not have the number Batch.After". Its hash is
// right.
func checkStaleAfter(t T, s accounts.Store) {
	create(t, s, profile("p"))
	ahead := journal{id: "p", last: 1}
	requireRefused(t, s, ahead.batch("x"), accounts.ErrConflict, "a batch ahead of an empty journal was accepted")
	j := journal{id: "p"}
	stale := j
	appendAll(t, s, j.batch("a", "b"))
	requireRefused(t, s, stale.batch("x"), accounts.ErrConflict, "a batch for an empty journal was accepted by one with entries")
	for _, last := range []int64{1, 3, 1000, -1} {
		other := journal{id: "p", last: last, hash: j.hash}
		requireRefused(t, s, other.batch("x", "y"), accounts.ErrConflict, "a batch was accepted that does not continue the journal")
	}
}

// "… and the hash Batch.Hash": two journals of one length that parted ways do not continue each
// other.
func checkFork(t T, s accounts.Store) {
	create(t, s, profile("p"))
	lost := journal{id: "p", hash: accounts.Hash{1}}
	requireRefused(t, s, lost.batch("x"), accounts.ErrConflict, "an empty journal was continued behind the hash of an entry")
	j := journal{id: "p"}
	appendAll(t, s, j.batch("a"))
	fork := j
	for i := range 3 { // once the process that knows the fork is behind another batch of one entry, then of more
		appendAll(t, s, j.batch(keys(fmt.Sprint("here-", i), i+1)...))
		fork.batch(keys(fmt.Sprint("there-", i), i+1)...)
		require.Equal(t, j.last, fork.last, "the test itself is wrong")
		for _, hash := range []accounts.Hash{fork.hash, {}, {31: 1}} {
			other := journal{id: "p", last: j.last, hash: hash}
			requireRefused(t, s, other.batch("x"), accounts.ErrConflict, "a batch was accepted that continues another entry of the same number")
		}
	}
	appendAll(t, s, j.batch("b"))
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
		"a broken chain":              func(e []accounts.Entry) { e[1].Prev = accounts.Hash{1} },
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
		"invalid":       func(b *accounts.Batch) { b.Entries[2].ProfileID = "q" },
		"duplicate":     func(b *accounts.Batch) { b.Entries[2].Key = "a" },
		"behind a fork": func(b *accounts.Batch) { b.Hash, b.Entries[0].Prev = accounts.Hash{1}, accounts.Hash{1} },
		"ahead": func(b *accounts.Batch) {
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
