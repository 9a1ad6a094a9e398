package storetest

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func lookupChecks() []check {
	return []check{
		{"Lookup returns the sequence numbers of the keys that the journal has", checkLookup},
		{"Lookup is as of some moment not before the call", checkLookupFresh},
		{"Lookup leaves out keys that the journal lacks", checkLookupLacking},
		{"Lookup without keys, or where none is found, is an empty map and not nil", checkLookupNone},
		{"Lookup ignores the empty key and repeats", checkLookupIgnores},
		{"Lookup in the journal of an unknown profile is a miss, with or without keys", checkLookupMiss},
		{"Lookup returns a map of the caller's own, and leaves the keys as they are", checkLookupAlias},
	}
}

// requireFound checks what Lookup finds of the keys.
func requireFound(t T, s accounts.Store, id accounts.ProfileID, list []string, want map[string]int64, message string) {
	t.Helper()
	got, err := s.Lookup(t.Context(), id, list)
	require.NoError(t, err, "Lookup failed: %s", message)
	require.Equal(t, want, got, message)
}

// "Lookup returns the sequence numbers of those of the keys that the profile's journal has an entry
// with": however many, whatever their bytes, and whatever other journals have.
func checkLookup(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	other, j := journal{id: "q"}, journal{id: "p"}
	appendAll(t, s, other.batch("only q's", "", "b", "a"))
	odd := []string{"A", "a ", " a", "á", "a\u0301", "ключ 'of' \"entry\" \\ %;{},NULL", "{a,b}"}
	appendAll(t, s, j.batch("a", "b", ""), j.batch("c"), j.batch(odd...))
	requireFound(t, s, "p", []string{"c", "a", "b"}, map[string]int64{"a": 1, "b": 2, "c": 4}, "keys are not where they are")
	requireFound(t, s, "p", []string{"b"}, map[string]int64{"b": 2}, "a single key is not where it is")
	requireFound(t, s, "q", []string{"a", "b"}, map[string]int64{"a": 4, "b": 3}, "the keys of another journal were found")
	want := map[string]int64{}
	for i, key := range odd {
		want[key] = int64(5 + i)
	}
	requireFound(t, s, "p", odd, want, "keys that differ in their bytes are different keys")

	many := keys("many", 9_000)
	appendAll(t, s, j.batch(many...))
	want = map[string]int64{}
	for i, key := range many {
		want[key] = int64(5 + len(odd) + i)
	}
	requireFound(t, s, "p", many, want, "not all of many keys were found")
}

// "as of some moment not before the call": what was appended before is found.
func checkLookupFresh(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	for i := range 20 {
		key := fmt.Sprint("key-", i)
		requireFound(t, s, "p", []string{key}, map[string]int64{}, "a key was found before it was there")
		appendAll(t, s, j.batch(key))
		requireFound(t, s, "p", []string{key}, map[string]int64{key: int64(i + 1)}, "a key was not found once Append had returned")
	}
}

// "A key that the journal lacks is absent": whoever else has it, and whether a column could hold
// it.
func checkLookupLacking(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	j, other := journal{id: "p"}, journal{id: "q"}
	appendAll(t, s, j.batch("a", "b"))
	appendAll(t, s, other.batch("q's"))
	refused := j
	require.Error(t, s.Append(t.Context(), refused.batch("refused", "a")), "a key that is taken was accepted")
	lacking := []string{"A", "a ", "ab", "c", "q's", "refused", "a\x00", "\xff", "%", "_"}
	requireFound(t, s, "p", append([]string{"b"}, lacking...), map[string]int64{"b": 2}, "keys were found that the journal lacks")
}

// "Without keys, or where none is found, the map is empty and not nil."
func checkLookupNone(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("empty"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch("a", ""))
	for _, id := range []accounts.ProfileID{"p", "empty"} {
		for _, list := range [][]string{nil, {}, {"b"}, {"b", "c"}} {
			requireFound(t, s, id, list, map[string]int64{}, fmt.Sprintf("%q of %q", list, id))
		}
	}
}

// "The empty key and repeats are ignored."
func checkLookupIgnores(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch("", "a", ""), j.batch("b"))
	requireFound(t, s, "p", []string{""}, map[string]int64{}, "an entry without a key was found")
	requireFound(t, s, "p", []string{"", "b", "", "none"}, map[string]int64{"b": 4}, "the empty key is not ignored")
	requireFound(t, s, "p", []string{"a", "b", "a", "a", "none", "none"}, map[string]int64{"a": 2, "b": 4}, "repeats are not ignored")
}

// "ErrProfileNotFound when there is no such profile, with or without keys."
func checkLookupMiss(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch("a"))
	for _, id := range []accounts.ProfileID{"unknown", "P", ""} {
		for _, list := range [][]string{{"a"}, {"none"}, {""}, {}, nil} {
			got, err := s.Lookup(t.Context(), id, list)
			require.ErrorIs(t, err, accounts.ErrProfileNotFound, "profile %q has a journal in which to look for %q", id, list)
			require.Empty(t, got, "something was found in no journal")
		}
	}
}

// "Values never alias."
func checkLookupAlias(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch("a", "b"))
	list := []string{"b", "", "a", "a"}
	given := slices.Clone(list)
	got, err := s.Lookup(t.Context(), "p", list)
	require.NoError(t, err, "Lookup failed")
	require.Equal(t, given, list, "Lookup changed the keys that it was given")
	got["a"], got["c"] = 9, 9
	delete(got, "b")
	requireFound(t, s, "p", []string{"a", "b", "c"}, map[string]int64{"a": 1, "b": 2}, "what was returned is what is kept")
}
