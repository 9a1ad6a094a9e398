package accounts_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// BenchmarkRecord records one fill after another: validation, fold, journal entry with its hash,
// append to memstore, and the fold again for readers.
func BenchmarkRecord(b *testing.B) {
	ben := newBench(b)
	fills := [2]ledger.Trade{trade(1, xyz, "100", "41.37"), trade(1, xyz, "-100", "41.38")}
	ids := execIDs(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		f := fills[i%2]
		f.ExecID = ids[i]
		if _, err := ben.Portfolio.Record(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
}

func execIDs(n int) []ledger.ExecID {
	ids := make([]ledger.ExecID, n)
	for i := range ids {
		ids[i] = ledger.ExecID(fmt.Sprintf("%08x.5159662d.01.01", i))
	}
	return ids
}

// BenchmarkRecordParallel has many goroutines record on one portfolio.
func BenchmarkRecordParallel(b *testing.B) {
	ben := newBench(b)
	b.SetParallelism(16)
	b.ReportAllocs()
	next := make(chan int, 1)
	next <- 0
	b.RunParallel(func(pb *testing.PB) {
		f := trade(1, xyz, "100", "41.37")
		for pb.Next() {
			n := <-next
			next <- n + 1
			f.ExecID = ledger.ExecID(fmt.Sprintf("%08x.5159662d.01.01", n))
			if _, err := ben.Portfolio.Record(b.Context(), f); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// fillJournal records n fills in large batches and leaves the checkpoints to the portfolio.
func fillJournal(b *testing.B, n int) *bench {
	b.Helper()
	ben := newBenchOn(b, memstore.New())
	const batch = 500
	facts := make([]ledger.Fact, 0, batch)
	for i := range n {
		f := trade(1, xyz, "100", "41.37")
		if i%2 == 1 {
			f.Quantity = dec("-100")
		}
		f.ExecID = ledger.ExecID(fmt.Sprintf("%08x.5159662d.01.01", i))
		if facts = append(facts, f); len(facts) == batch {
			_, err := ben.Portfolio.Record(context.Background(), facts...)
			require.NoError(b, err)
			facts = facts[:0]
		}
	}
	// The worst case: as many entries behind the checkpoint as there may be.
	return ben
}

// BenchmarkOpen opens a portfolio from its checkpoint and the entries behind it.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		ben := fillJournal(b, n)
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				m, err := accounts.New(ben.Store)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := m.Portfolio(b.Context(), ben.Profile.ID); err != nil {
					b.Fatal(err)
				}
				if err := m.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReplay folds a journal of ten thousand from the beginning, as Verify and Reconcile do.
func BenchmarkReplay(b *testing.B) {
	ben := fillJournal(b, 10_000)
	for range b.N {
		if err := ben.Portfolio.Verify(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
