package accounts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// BenchmarkLateFill records a fill that is so many entries late into a journal of 100,000.
func BenchmarkLateFill(b *testing.B) {
	const length = 100_000
	x := newBench(b)
	fills := correctable(length)
	for batch := range length / 1000 {
		x.Record(b, fills[batch*1000:batch*1000+1000]...)
	}
	n := 0
	for _, behind := range []int{100, 1_000, 10_000, 50_000} {
		b.Run(fmt.Sprintf("%d behind", behind), func(b *testing.B) {
			for b.Loop() {
				lateFill(b, x.Portfolio, length-behind, n)
				n++
			}
		})
	}
}

// BenchmarkLateFillBesideAnotherProcess is BenchmarkLateFill, 1,000 entries behind, beside another
// process that records 50 fills a second.
func BenchmarkLateFillBesideAnotherProcess(b *testing.B) {
	const length = 100_000
	x := newBench(b)
	fills := correctable(length)
	for batch := range length / 1000 {
		x.Record(b, fills[batch*1000:batch*1000+1000]...)
	}
	other := x.Reopen(b)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			f := trade(1, ledger.NewStock("ABC", "USD"), "1", "10")
			f.ExecID, f.Time = ledger.ExecID(fmt.Sprint("other-", n)), second(length+n)
			if _, err := other.Record(background, f); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	n := 1_000_000
	for b.Loop() {
		lateFill(b, x.Portfolio, length-1_000, n)
		n++
	}
	close(stop)
	<-done
}

func lateFill(b *testing.B, p *accounts.Portfolio, at, n int) {
	f := trade(1, xyz, "-1", "10")
	f.ExecID, f.Time = ledger.ExecID(fmt.Sprint("late-", n)), second(at)
	_, err := p.Record(background, f)
	require.NoError(b, err)
}
