package storetest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// The model of one journal: what a store would do that runs one call after the other. Porcupine
// looks for an order of the observed calls, true to their times, in which the model gives the
// same answers.

// journalState is the journal after some calls; it is never changed.
type journalState struct {
	last  int64
	hash  accounts.Hash // of the last entry
	print uint64        // over all keys, payloads and hashes in order
	head  *journalNode
}

// journalNode is one entry's key, in a list from the last entry to the first.
type journalNode struct {
	key  string
	seq  int64
	next *journalNode
}

// step is the input of a call: a read of everything, a look-up of keys, or an append. An append
// under the lock reads everything too, and makes its batch then.
type step struct {
	read   bool
	keys   []string // nil for no look-up
	locked bool
	batch  *accounts.Batch // without entries for a barrier
}

// outcome is a call's answer. The last sequence number and the fingerprint are those of a read, or
// of the tail.
type outcome struct {
	last       int64
	print      uint64
	conflict   bool
	duplicates string // as describe makes it; empty when the append was not refused for them
	found      string // by a look-up, as fmt prints a map
}

func (s journalState) with(entries []accounts.Entry) journalState {
	for i := range entries {
		e := &entries[i]
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %d %q %q %x", s.print, e.Seq, e.Key, e.Payload, e.Hash)
		s = journalState{e.Seq, e.Hash, h.Sum64(), &journalNode{e.Key, e.Seq, s.head}}
	}
	return s
}

// seq returns where the journal has the key.
func (s journalState) seq(key string) (int64, bool) {
	for n := s.head; n != nil && key != ""; n = n.next {
		if n.key == key {
			return n.seq, true
		}
	}
	return 0, false
}

// lookUp returns what a look-up must answer.
func (s journalState) lookUp(keys []string) outcome {
	found := map[string]int64{}
	for _, key := range keys {
		if seq, exists := s.seq(key); exists {
			found[key] = seq
		}
	}
	return outcome{found: fmt.Sprint(found)}
}

// append returns what an append must answer, and the state it leaves.
func (s journalState) append(b accounts.Batch) (outcome, journalState) {
	if b.After != s.last || b.Hash != s.hash {
		return outcome{conflict: true}, s
	}
	var duplicates []accounts.Duplicate
	for _, e := range b.Entries {
		if seq, exists := s.seq(e.Key); exists {
			duplicates = append(duplicates, accounts.Duplicate{Key: e.Key, Seq: seq})
		}
	}
	if len(duplicates) > 0 {
		return outcome{duplicates: describe(duplicates)}, s
	}
	return outcome{}, s.with(b.Entries)
}

func describe(duplicates []accounts.Duplicate) string { return fmt.Sprint(duplicates) }

func journalModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return journalState{} },
		Step: func(state, input, output any) (bool, any) {
			s, in, got := state.(journalState), input.(step), output.(outcome)
			switch {
			case in.read:
				return got == outcome{last: s.last, print: s.print}, s
			case in.keys != nil:
				return got == s.lookUp(in.keys), s
			}
			want, next := s.append(*in.batch)
			if in.locked {
				want.last, want.print = s.last, s.print
			}
			return got == want, next
		},
		Equal: func(a, b any) bool {
			x, y := a.(journalState), b.(journalState)
			return x.last == y.last && x.print == y.print
		},
		Hash: func(state any) uint64 { return state.(journalState).print },
	}
}

// tell describes one call and its answer.
func tell(in step, out outcome) string {
	if in.read {
		return fmt.Sprintf("read: ends with %d, fingerprint %x", out.last, out.print)
	}
	if in.keys != nil {
		return fmt.Sprintf("look up %q: %s", in.keys, out.found)
	}
	var list []string
	for _, e := range in.batch.Entries {
		list = append(list, e.Key)
	}
	answer := "done"
	switch {
	case out.conflict:
		answer = "conflict"
	case out.duplicates != "":
		answer = "duplicates " + out.duplicates
	}
	if in.locked {
		answer += fmt.Sprintf(", the tail ends with %d, fingerprint %x", out.last, out.print)
	}
	return fmt.Sprintf("append %q after %d (%.8s), locked %t: %s", list, in.batch.After, in.batch.Hash, in.locked, answer)
}

// client makes the calls of one goroutine and keeps their history.
type client struct {
	id      int
	s       accounts.Store
	rnd     *rand.Rand
	began   time.Time
	last    int64 // where this client believes the journal ends
	hash    accounts.Hash
	history []porcupine.Operation
}

// "Calls on one profile are linearizable." Many clients read, look up and append at once, with the
// lock and without: some after what they just read, some on stale knowledge or behind a fork, some
// under keys that may be taken.
func checkLinearizable(t T, stores ...accounts.Store) {
	create(t, stores[0], profile("p"))
	const clients, each = 6, 60
	ctx, began := t.Context(), time.Now()
	all := make([]*client, clients)
	for i := range all {
		all[i] = &client{id: i, s: stores[i%len(stores)], rnd: rand.New(rand.NewPCG(1, uint64(i))), began: began}
	}
	errs := contend(clients, func(i int) error { return all[i].run(ctx, each) })
	require.NoError(t, errors.Join(errs...), "a call failed with an error that the contract does not name")

	var history []porcupine.Operation
	for _, c := range all {
		history = append(history, c.history...)
	}
	result := porcupine.CheckOperationsTimeout(journalModel(), history, patience)
	require.NotEqual(t, porcupine.Unknown, result, "the history is too long to be checked in time")
	require.Equal(t, porcupine.Ok, result, "the calls fit no order in which they could have been made:\n%s", story(history))
}

// run makes n calls. An error is one that no order of the calls could explain.
func (c *client) run(ctx context.Context, n int) error {
	for i := range n {
		var in step
		switch c.rnd.IntN(7) {
		case 0, 1:
			in.read = true
		case 2:
			in.keys = []string{c.contended(), fmt.Sprint("client-", c.rnd.IntN(6), "-", i), c.contended()}
		case 3:
			in.locked, in.batch = true, new(accounts.Batch)
		default:
			b := c.batch(i)
			in.batch = &b
		}
		call := time.Since(c.began)
		out, err := c.do(ctx, i, in)
		if err != nil {
			return err
		}
		c.history = append(c.history, porcupine.Operation{
			ClientId: c.id, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(c.began)),
		})
	}
	return nil
}

// batch is up to three entries after what the client believes is the last, now and then after
// something else, under keys that are often taken. Without entries it is a barrier.
func (c *client) batch(i int) accounts.Batch {
	j := journal{id: "p", last: c.last, hash: c.hash}
	switch c.rnd.IntN(16) {
	case 0, 1:
		j.last = max(0, j.last+int64(c.rnd.IntN(5)-2))
	case 2:
		j.hash[0]++ // a fork
	case 3, 4:
		return j.batch()
	}
	list := []string{fmt.Sprint("client-", c.id, "-", i), "", c.contended()}
	c.rnd.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
	b := j.batch(list[:1+c.rnd.IntN(3)]...)
	prev := b.Hash
	for k := range b.Entries {
		e := &b.Entries[k]
		e.Payload = fmt.Appendf(nil, `{"v":1,"client":%d,"call":%d,"part":%d}`, c.id, i, k)
		e.Prev = prev
		e.Hash = e.Sum()
		prev = e.Hash
	}
	return b
}

// knows has the client believe that the journal is in the state.
func (c *client) knows(s journalState) { c.last, c.hash = s.last, s.hash }

// contended is a key that is often taken.
func (c *client) contended() string { return fmt.Sprint("contended-", c.rnd.IntN(40)) }

// do makes a call, the client's i-th.
func (c *client) do(ctx context.Context, i int, in step) (outcome, error) {
	if in.read {
		entries, err := read(ctx, c.s, "p", 0)
		if err != nil {
			return outcome{}, err
		}
		state := journalState{}.with(entries)
		c.knows(state)
		return outcome{last: state.last, print: state.print}, nil
	}
	if in.keys != nil {
		found, err := c.s.Lookup(ctx, "p", in.keys)
		return outcome{found: fmt.Sprint(found)}, err
	}
	if in.locked {
		return c.appendLocked(ctx, i, in)
	}
	return c.appended(in, c.s.Append(ctx, *in.batch))
}

// appendLocked makes the batch of the call from the tail, now and then behind something else.
func (c *client) appendLocked(ctx context.Context, i int, in step) (outcome, error) {
	var tail journalState
	err := c.s.AppendLocked(ctx, "p", 0, func(entries iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		for e, err := range entries {
			if err != nil {
				return accounts.Batch{}, err
			}
			tail = tail.with([]accounts.Entry{e})
		}
		c.knows(tail)
		*in.batch = c.batch(i)
		return *in.batch, nil
	})
	out, err := c.appended(in, err)
	out.last, out.print = tail.last, tail.print
	return out, err
}

// appended is the answer to an append.
func (c *client) appended(in step, err error) (outcome, error) {
	var duplicate *accounts.DuplicateError
	switch {
	case err == nil:
		if n := len(in.batch.Entries); n > 0 {
			c.last, c.hash = in.batch.After+int64(n), in.batch.Entries[n-1].Hash
		}
		return outcome{}, nil
	case errors.As(err, &duplicate):
		return outcome{duplicates: describe(duplicate.Duplicates)}, nil
	case errors.Is(err, accounts.ErrConflict):
		return outcome{conflict: true}, nil
	}
	return outcome{}, err
}

// story tells the history in the order in which the calls began.
func story(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, op := range history {
		fmt.Fprintf(&b, "%9d to %9d ns, client %d: %s\n",
			op.Call, op.Return, op.ClientId, tell(op.Input.(step), op.Output.(outcome)))
	}
	return b.String()
}
