package pgstore

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// openSoaked opens a store of the test's own on the primary.
func (s *soak) openSoaked() *Store {
	store, err := Open(s.t.Context(), s.cluster.Primary().DSN())
	require.NoError(s.t, err, "Open failed")
	return store
}

// heads returns how long every journal is.
func (s *soak) heads() map[accounts.ProfileID]int64 {
	store, heads := s.openSoaked(), map[accounts.ProfileID]int64{}
	for i := range s.accounts {
		id := testProfile(i).ID
		for e, err := range store.Entries(s.t.Context(), id, 0) {
			require.NoError(s.t, err, "Entries failed")
			heads[id] = e.Seq
		}
	}
	require.NoError(s.t, store.Close(), "Close failed")
	return heads
}

// end lets every process close what it has open.
func (s *soak) end() {
	for _, p := range s.processes {
		require.NoError(s.t, p.child.stdin.Close(), "Close failed")
	}
	for range s.processes {
		for line := range s.lines {
			require.True(s.t, line.ended, "a process says %q behind its last answer", line.text)
			require.NoError(s.t, line.from.child.cmd.Wait(), "process %d did not close all that it had open", line.from.number)
			break
		}
	}
}

// check compares everything with what the broker has and was told.
func (s *soak) check() {
	store := s.openSoaked()
	m, err := accounts.New(store)
	require.NoError(s.t, err, "manager")
	for _, a := range s.accounts {
		p, err := m.Portfolio(s.t.Context(), testProfile(a.number).ID)
		require.NoError(s.t, err, "Portfolio failed")
		require.NoError(s.t, p.Verify(s.t.Context()), "%s: Portfolio.Verify", p.ProfileID())
		require.NoError(s.t, store.Verify(s.t.Context(), p.ProfileID()), "%s: Store.Verify", p.ProfileID())
		j := s.read(store, p.ProfileID())
		s.entries += j.last
		j.requireFacts(a)
		j.requireOrders(a, p)
		a.requireBook(s.t, p)
	}
	require.NoError(s.t, m.Close(), "Close failed")
	require.NoError(s.t, store.Close(), "Close failed")
}

// soakJournal is what a journal says, read entry by entry.
type soakJournal struct {
	s       *soak
	id      accounts.ProfileID
	last    int64
	facts   map[string]int // how often each is there
	holds   map[ledger.OrderID]bool
	working map[ledger.OrderID]bool
	halted  bool
}

func (s *soak) read(store *Store, id accounts.ProfileID) *soakJournal {
	j := &soakJournal{s: s, id: id, facts: map[string]int{}, holds: map[ledger.OrderID]bool{}, working: map[ledger.OrderID]bool{}}
	for e, err := range store.Entries(s.t.Context(), id, 0) {
		require.NoError(s.t, err, "%s: Entries failed", id)
		payload, err := e.Decode()
		require.NoError(s.t, err, "%s: Decode failed", id)
		j.last = e.Seq
		j.take(payload)
	}
	return j
}

func (j *soakJournal) take(payload any) {
	switch f := payload.(type) {
	case *ledger.Trade:
		j.trade(f)
	case *ledger.Amendment:
		if f.Trade != nil {
			j.trade(f.Trade)
		}
		if f.Cancellation != nil {
			j.facts["k:"+string(f.Cancellation.ExecID)]++
		}
	case *ledger.CashMovement:
		j.facts["c:"+f.ID]++
	case *ledger.EquityPoint:
		j.facts[ledger.KeyOf(f)]++
	case *risk.Hold:
		require.False(j.s.t, j.halted, "%s: entry %d holds an order while trading is halted", j.id, j.last)
		require.False(j.s.t, j.holds[f.Order.ID], "%s: order %s is held twice", j.id, f.Order.ID)
		j.holds[f.Order.ID], j.working[f.Order.ID] = true, true
	case *risk.Release:
		delete(j.working, f.OrderID)
	case *risk.StateChange:
		j.halted = f.State == risk.TradingHalted
	}
}

// trade takes an execution. One that names an order fills it.
func (j *soakJournal) trade(f *ledger.Trade) {
	j.facts["x:"+string(f.ExecID)]++
	delete(j.working, f.OrderID)
}

// requireFacts checks that every fact is there that was acknowledged, and no other but equity points, each once.
func (j *soakJournal) requireFacts(a *soakAccount) {
	for fact := range a.facts {
		require.Equal(j.s.t, 1, j.facts[fact], "%s: how often the acknowledged %s is in the journal", j.id, fact)
	}
	for fact, n := range j.facts {
		require.Equal(j.s.t, 1, n, "%s: how often %s is in the journal", j.id, fact)
		require.True(j.s.t, a.facts[fact] || fact[0] == 'e' || fact[0] == 'b', "%s: nobody was told that %s is in the journal", j.id, fact)
	}
}

// requireOrders checks that every order that was acknowledged is held or was, and that those work that
// nothing has ended.
func (j *soakJournal) requireOrders(a *soakAccount, p *accounts.Portfolio) {
	for id := range a.holds {
		require.True(j.s.t, j.holds[id], "%s: the acknowledged hold of order %s is lost", j.id, id)
	}
	for id := range a.released {
		require.False(j.s.t, j.working[id], "%s: the acknowledged release of order %s is lost", j.id, id)
	}
	var want, got []ledger.OrderID
	for id := range j.working {
		want = append(want, id)
	}
	for _, o := range p.Snapshot().Risk.Orders {
		got = append(got, o.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(j.s.t, want, got, "%s: working orders", j.id)
}

// progress tells what was done so far. An append is as long as the store took; a halt is as long as
// its caller waited, so that a halt that is behind another append may take two.
func (s *soak) progress(lasted time.Duration) {
	holds, waiting := 0, map[string]int{}
	for _, a := range s.accounts {
		holds += len(a.holds)
	}
	for _, task := range s.again {
		waiting[task.op.Call]++
	}
	for _, a := range s.flying {
		waiting[a.task.op.Call+" under way"]++
	}
	s.t.Logf("%s: %d attempts, acknowledged: %v; waiting: %v; %d orders held; faults: %v", lasted.Round(time.Second), s.attempts,
		s.acked, waiting, holds, s.faults.count)
	for _, p := range s.processes {
		s.t.Logf("process %d, started %d times: longest of %d halts %s, in calm times %s; longest append %s", p.number, p.starts,
			p.halts, p.halt, p.calmHalt, p.append)
	}
}
