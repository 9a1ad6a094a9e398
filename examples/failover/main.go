// Command failover shows what is kept when a database server dies. It starts three PostgreSQL
// servers of its own, in a temporary folder: a primary, and two standbys of which one at least has
// every commit before it is acknowledged. While two profiles record trades, it kills the primary,
// twice, and promotes the standby that is ahead. At the end it compares what was acknowledged with
// what is in the journals.
//
// It needs initdb, pg_ctl and pg_basebackup of PostgreSQL 14 or newer, and a Unix system.
// $ACCOUNTS_PG_BIN names their folder where they are not found.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // not every machine has time zones

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/pgstore"
)

const (
	failovers = 2
	trades    = 60              // of each profile, before, during and after each failover
	patience  = 5 * time.Minute // for all of it
)

func main() {
	flag.Parse() // there are none: so that -h says what this is, and starts nothing
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	servers, err := start(ctx, 3)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.remove()) }()
	if err := pgstore.Migrate(ctx, servers.dsn()); err != nil {
		return err
	}
	store, err := pgstore.Open(ctx, servers.dsn(), pgstore.RequireSynchronous(1))
	if err != nil {
		return err
	}
	defer store.Close()
	manager, err := accounts.New(store)
	if err != nil {
		return err
	}
	defer manager.Close()
	desks, err := open(ctx, manager)
	if err != nil {
		return err
	}
	if err := promises(ctx, w, store); err != nil {
		return err
	}
	for range failovers {
		if err := round(ctx, w, servers, desks); err != nil {
			return err
		}
		if err := promises(ctx, w, store); err != nil {
			return err
		}
	}
	if err := comeback(ctx, w, servers, store); err != nil {
		return err
	}
	return table(ctx, w, store, desks)
}

// promises prints what the server promises of what it acknowledges.
func promises(ctx context.Context, w io.Writer, store *pgstore.Store) error {
	d, err := store.Durability(ctx)
	if err == nil {
		fmt.Fprintf(w, "timeline %d: synchronous_commit is %s, a commit waits for %d standby\n", d.Timeline, d.SynchronousCommit, d.WaitsFor)
	}
	return err
}

// round has every desk trade, and kills the primary when a third was acknowledged.
func round(ctx context.Context, w io.Writer, servers *cluster, desks []*desk) error {
	ctx, stop := context.WithCancel(ctx)
	var trading sync.WaitGroup
	defer trading.Wait()
	defer stop()
	all := trades * len(desks)
	acked := make(chan time.Time, all)
	for _, d := range desks {
		trading.Go(func() { d.trade(ctx, trades, acked) })
	}
	last, longest := time.Time{}, time.Duration(0)
	for n := range all {
		select {
		case at := <-acked:
			if n > 0 {
				longest = max(longest, at.Sub(last))
			}
			last = at
		case <-ctx.Done():
			return ctx.Err()
		}
		if n == all/3 {
			if err := servers.failOver(ctx); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(w, "the primary was killed, a standby promoted: %d trades acknowledged, longest pause %v\n", all, longest.Round(time.Millisecond))
	return servers.rejoin(ctx)
}

// comeback starts the primary that was killed last as it was left: it takes itself for the primary.
// Whoever knows the timeline of its successor is not fooled.
func comeback(ctx context.Context, w io.Writer, servers *cluster, store *pgstore.Store) error {
	d, err := store.Durability(ctx)
	if err != nil {
		return err
	}
	if err := servers.failOver(ctx); err != nil {
		return err
	}
	old := servers.dead
	if err := old.start(ctx); err != nil {
		return err
	}
	fooled, err := pgstore.Open(ctx, old.dsn(), pgstore.RequireTimeline(d.Timeline+1))
	if !errors.Is(err, pgstore.ErrTimeline) {
		if err == nil {
			err = fooled.Close()
		}
		return errors.Join(errors.New("the old primary was accepted"), err)
	}
	fmt.Fprintf(w, "killed once more, and started again: %v\n", err)
	if err := old.kill(ctx); err != nil {
		return err
	}
	return servers.rejoin(ctx)
}

// desk is who trades a profile.
type desk struct {
	portfolio *accounts.Portfolio
	name      string
	acked     []ledger.ExecID
}

func open(ctx context.Context, manager *accounts.MultiAccountManager) (desks []*desk, err error) {
	for _, p := range []accounts.AccountProfile{accounts.Aggressive25K("DU1000025"), accounts.Conservative250K("DU1000250")} {
		if p, err = manager.CreateProfile(ctx, p); err != nil {
			return nil, err
		}
		portfolio, err := manager.Portfolio(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		desks = append(desks, &desk{portfolio: portfolio, name: p.Name})
	}
	return desks, nil
}

// trade records trades. What fails is recorded again under the same id, which is safe: the error
// may have come after the trade was written.
func (d *desk) trade(ctx context.Context, n int, acked chan<- time.Time) {
	for range n {
		t := ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("%s.%03d", d.portfolio.ProfileID(), len(d.acked)+1)), Time: time.Now(),
			Instrument: ledger.NewStock("XYZ", "USD"), Quantity: ledger.MustDecimal("1"), Price: ledger.MustDecimal("41.25")}
		for {
			if _, err := d.portfolio.Record(ctx, t); err == nil {
				break
			}
			if pause(ctx); ctx.Err() != nil {
				return
			}
		}
		d.acked = append(d.acked, t.ExecID)
		acked <- time.Now()
	}
}

// table prints, for every profile, what of the acknowledged trades the journal has.
func table(ctx context.Context, w io.Writer, store *pgstore.Store, desks []*desk) error {
	fmt.Fprintf(w, "%-18s %12s %10s %5s %6s %9s\n", "profile", "acknowledged", "in journal", "lost", "double", "verified")
	for _, d := range desks {
		found, total := map[ledger.ExecID]int{}, 0
		for t, err := range d.portfolio.Trades(ctx, accounts.TradeFilter{}) {
			if err != nil {
				return err
			}
			found[t.Value.ExecID]++
			total++
		}
		lost, double := 0, total-len(found)
		for _, id := range d.acked {
			if found[id] == 0 {
				lost++
			}
		}
		if err := store.Verify(ctx, d.portfolio.ProfileID()); err != nil {
			return err
		}
		fmt.Fprintf(w, "%-18s %12d %10d %5d %6d %9s\n", d.name, len(d.acked), total, lost, double, "yes")
	}
	return nil
}
