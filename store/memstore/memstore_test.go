package memstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // not every machine has time zones

	"go.uber.org/goleak"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
	"github.com/ai-ots/accounts/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) accounts.Store { return memstore.New() })
}

// One store in memory stands for both processes: the most that memory can be shared.
func TestSharedStore(t *testing.T) {
	storetest.RunShared(t, func(*testing.T) (a, b accounts.Store) {
		s := memstore.New()
		return s, s
	})
}

func TestLeases(t *testing.T) {
	storetest.RunLeases(t, func(*testing.T) (a, b storetest.LeaseStore) {
		s := memstore.New()
		return s, s
	})
}

// In a bubble the store's clock goes on only while the model waits.
func TestLeasesAreThoseOfTheModel(t *testing.T) {
	storetest.RunLeaseModel(t, func(t *testing.T, run func(accounts.LeaseStore, func(time.Duration))) {
		synctest.Test(t, func(*testing.T) { run(memstore.New(), time.Sleep) })
	})
}

// entry returns an entry of the size of a recorded trade.
func entry(id accounts.ProfileID, seq int64, key string) accounts.Entry {
	return accounts.Entry{
		ProfileID: id, Seq: seq, Kind: ledger.KindTrade, Key: key,
		Time: time.Date(2025, time.May, 16, 13, 30, 0, 0, time.UTC), Payload: make([]byte, 300),
	}
}

// newStore returns a store with one profile for each id.
func newStore(b *testing.B, ids ...accounts.ProfileID) *memstore.Store {
	s := memstore.New()
	b.Cleanup(func() { _ = s.Close() })
	for _, id := range ids {
		if err := s.CreateProfile(b.Context(), accounts.AccountProfile{ID: id, Name: string(id)}); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// keysOf makes the keys outside of what is measured.
func keysOf(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("0000e1a7.%08x.01.01", i)
	}
	return list
}

// BenchmarkAppend appends single entries with a key and 300 bytes of payload to one journal, and
// starts a new one after so many, as the key index costs more the longer the journal.
func BenchmarkAppend(b *testing.B) {
	for _, length := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint("journal of ", length), func(b *testing.B) {
			ctx := context.Background()
			list := keysOf(length)
			entries := []accounts.Entry{entry("p", 0, "")}
			var s *memstore.Store
			seq := int64(length)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if seq == int64(length) {
					b.StopTimer()
					s, seq = newStore(b, "p"), 0
					b.StartTimer()
				}
				entries[0].Seq, entries[0].Key = seq+1, list[seq]
				if err := s.Append(ctx, accounts.Batch{ProfileID: "p", After: seq, Entries: entries}); err != nil {
					b.Fatal(err)
				}
				seq++
			}
		})
	}
}

// BenchmarkAppendParallel has every processor append to a journal of its own: they must not
// contend.
func BenchmarkAppendParallel(b *testing.B) {
	var ids []accounts.ProfileID
	for i := range 1024 {
		ids = append(ids, accounts.ProfileID(fmt.Sprint("p", i)))
	}
	s := newStore(b, ids...)
	var next atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		id := ids[next.Add(1)-1]
		entries := []accounts.Entry{entry(id, 0, "")}
		ctx := context.Background()
		for seq := int64(0); pb.Next(); seq++ {
			entries[0].Seq = seq + 1
			if err := s.Append(ctx, accounts.Batch{ProfileID: id, After: seq, Entries: entries}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkEntries reads a journal of 10,000 entries; the time is for all of them.
func BenchmarkEntries(b *testing.B) {
	s := newStore(b, "p")
	for i, key := range keysOf(10_000) {
		seq := int64(i)
		batch := accounts.Batch{ProfileID: "p", After: seq, Entries: []accounts.Entry{entry("p", seq+1, key)}}
		if err := s.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range s.Entries(b.Context(), "p", 0) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
