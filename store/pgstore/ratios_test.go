package pgstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// BenchmarkRatios measures what the store does beside statements, in turns, and reports the median of the
// turns' ratios. Bare statements do the least of it, and tell how dear a ledger is; those by hand write the
// same rows, and tell how well the store is written. Run it with -benchtime 1x: a turn has its own length.
// A ratio of times is the store's over the statement's; one of rates as well.
func BenchmarkRatios(b *testing.B) {
	b.Run("latency of one fill to a bare insert", ratioOneFill)
	b.Run("latency of one fill to its rows by hand", ratioOneFillByHand)
	b.Run("rate of 32 writers on one profile to one writer", ratioWriters)
	b.Run("rate of 32 writers on one profile to the statement ungrouped", ratioGrouped)
	b.Run("rate of 32 writers on 32 profiles to bare inserts", ratioProfiles)
	b.Run("rate of 100 fills in a call to 100 rows by unnest", ratioBatch)
	b.Run("rate of 100 fills in a call to their rows by hand", ratioBatchByHand)
	b.Run("rate of importing 10000 fills to COPY of 10000 rows", ratioImport)
	b.Run("rate of importing 10000 fills to COPY of their rows", ratioImportByHand)
	b.Run("rate with notifications to without", ratioNotify)
	b.Run("time to open with 5000000 trades to 10000", ratioGrowth)
	b.Run("time until a switch is seen to SELECT 1", ratioSwitch)
	b.Run("time until a switch is seen to an upsert", ratioSwitchByHand)
}

// turns runs ours and theirs in turns, each with its own kind of count, and reports the ratio.
func turns(b *testing.B, n int, ours, theirs func() float64) {
	ours()
	theirs()
	var all, mine, bare []float64
	for range n {
		x, y := ours(), theirs()
		all, mine, bare = append(all, x/y), append(mine, x), append(bare, y)
	}
	b.ReportMetric(median(all), "ratio")
	b.ReportMetric(median(mine), "ours")
	b.ReportMetric(median(bare), "bare")
	b.ReportMetric(0, "ns/op")
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// rate runs f n times from as many callers and returns calls a second.
func rate(b *testing.B, callers, n int, f func(caller int) error) float64 {
	var left atomic.Int64
	left.Store(int64(n))
	var g group
	began := time.Now()
	for c := range callers {
		g.Go(func() error {
			for left.Add(-1) >= 0 {
				if err := f(c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(b, g.Wait(), "a call failed")
	return float64(n) / time.Since(began).Seconds()
}

// recorder records fills through portfolios, as services do.
type recorder struct {
	store *Store
	list  []*accounts.Portfolio
	n     atomic.Int64
	began time.Time
}

func newRecorder(b *testing.B, s *Store, profiles int) *recorder {
	m, err := accounts.New(s)
	require.NoError(b, err, "manager")
	b.Cleanup(func() { _ = m.Close() })
	r := &recorder{store: s, began: time.Now().Add(-time.Hour)}
	for i := range profiles {
		p, err := m.Portfolio(b.Context(), testProfile(i).ID)
		require.NoError(b, err, "portfolio")
		r.list = append(r.list, p)
	}
	return r
}

// trades have times of their own, in the order of their ids. Two fills of one moment that come in the other
// order restate the position, which is not what is measured.
func (r *recorder) trades(n int) []ledger.Trade {
	list := make([]ledger.Trade, n)
	for i := range list {
		number := r.n.Add(1)
		list[i] = ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("0000e0d5.%08x.01.01", number)),
			Instrument: ledger.NewStock("XYZ", "USD"), Quantity: udecimal.One, Price: udecimal.MustFromInt64(4125, 2),
			Commission: udecimal.One, Time: r.began.Add(time.Duration(number) * time.Microsecond)}
	}
	return list
}

func (r *recorder) record(profile, n int) error {
	_, err := r.list[profile].Record(context.Background(), ledger.Facts(r.trades(n))...)
	return err
}

// latency runs f again and again and returns the median of its times, in microseconds.
func latency(f func()) func() float64 {
	return func() float64 {
		times := make([]float64, 300)
		for i := range times {
			began := time.Now()
			f()
			times[i] = float64(time.Since(began).Microseconds())
		}
		return median(times)
	}
}

func ratioOneFill(b *testing.B) {
	s := benchStore(b, "postgres", 1)
	r, insert := newRecorder(b, s, 1), bareInsert(b, s.db)
	var seq atomic.Int64
	seq.Store(1e9)
	turns(b, 9, latency(func() { require.NoError(b, r.record(0, 1), "Record failed") }), latency(func() { insert("profile-00", seq.Add(1)) }))
}

func ratioOneFillByHand(b *testing.B) {
	s := benchStore(b, "postgres", 2)
	r, hand := newRecorder(b, s, 1), newByHand(b, s.db, testProfile(1).ID)
	fill := hand.fill(b)
	turns(b, 9, latency(func() { require.NoError(b, r.record(0, 1), "Record failed") }),
		latency(func() { require.NoError(b, fill(), "the statement failed") }))
}

func ratioWriters(b *testing.B) {
	r := newRecorder(b, benchStore(b, "postgres", 1), 1)
	record := func(int) error { return r.record(0, 1) }
	turns(b, 7, func() float64 { return rate(b, 32, 12000, record) }, func() float64 { return rate(b, 1, 1500, record) })
}

// ratioGrouped runs the statement for one fill from 32 callers on one profile, one after another: the
// lock of the head's row lets no two pass at once, and here nobody comes in vain.
func ratioGrouped(b *testing.B) {
	r := newRecorder(b, benchStore(b, "postgres", 1), 1)
	s := benchStore(b, "postgres", 1)
	var turn fills
	turn.id = testProfile(0).ID
	lock := make(chan struct{}, 1)
	ungrouped := func(int) error {
		lock <- struct{}{}
		defer func() { <-lock }()
		batch := turn.next(1)
		x := s.join(s.rowsOf(&batch))
		accepted := false
		err := s.query(b.Context(), s.sql.fill, func(func(...any) error) error { accepted = true; return nil }, x.args(&s.sql, s.sql.fill, s.channel())...)
		if err == nil && !accepted {
			return accounts.ErrConflict
		}
		return err
	}
	turns(b, 7, func() float64 { return rate(b, 32, 12000, func(int) error { return r.record(0, 1) }) },
		func() float64 { return rate(b, 32, 1500, ungrouped) })
}

func ratioProfiles(b *testing.B) {
	s := benchStore(b, "postgres", 32)
	r, insert := newRecorder(b, s, 32), bareInsert(b, s.db)
	var seq atomic.Int64
	seq.Store(1e9)
	turns(b, 7, func() float64 { return rate(b, 32, 12000, func(c int) error { return r.record(c, 1) }) },
		func() float64 {
			return rate(b, 32, 12000, func(c int) error { insert(string(testProfile(c).ID), seq.Add(1)); return nil })
		})
}

func ratioBatch(b *testing.B) {
	s := benchStore(b, "postgres", 1)
	r, insert := newRecorder(b, s, 1), unnestInsert(b, s.db)
	turns(b, 7, func() float64 { return 100 * rate(b, 1, 100, func(int) error { return r.record(0, 100) }) },
		func() float64 { return 100 * rate(b, 1, 100, func(int) error { return insert(100) }) })
}

func ratioBatchByHand(b *testing.B) {
	s := benchStore(b, "postgres", 2)
	r, hand := newRecorder(b, s, 1), newByHand(b, s.db, testProfile(1).ID)
	fills := hand.fills(b)
	turns(b, 7, func() float64 { return 100 * rate(b, 1, 100, func(int) error { return r.record(0, 100) }) },
		func() float64 { return 100 * rate(b, 1, 100, func(int) error { return fills(100) }) })
}

// importing records fills in one call, and returns fills a second.
func importing(b *testing.B, r *recorder) func() float64 {
	return func() float64 {
		trades := r.trades(10000)
		began := time.Now()
		_, err := r.list[0].Record(b.Context(), ledger.Facts(trades)...)
		require.NoError(b, err, "Record failed")
		return 10000 / time.Since(began).Seconds()
	}
}

func ratioImport(b *testing.B) {
	s := benchStore(b, "postgres", 2)
	hand := newByHand(b, s.db, testProfile(1).ID)
	turns(b, 7, importing(b, newRecorder(b, s, 1)), hand.copying(b, 10000, hand.copyTrades))
}

func ratioImportByHand(b *testing.B) {
	s := benchStore(b, "postgres", 2)
	hand := newByHand(b, s.db, testProfile(1).ID)
	turns(b, 7, importing(b, newRecorder(b, s, 1)), hand.copying(b, 10000, hand.copyEntries, hand.copyTrades))
}

// ratioNotify compares with the same statements less their notifications, while somebody listens.
func ratioNotify(b *testing.B) {
	loud, quiet := benchStore(b, "postgres", 32), benchStore(b, "postgres", 32)
	loud.listenDSN = value[string](b, loud.db, `SELECT 'host=' || split_part(current_setting('unix_socket_directories'), ',', 1) || ' dbname=' || current_database() || ' user=' || current_user || ' sslmode=disable'`)
	events, err := loud.Watch(b.Context())
	require.NoError(b, err, "Watch failed")
	go func() {
		for range events {
		}
	}()
	for _, st := range []*statement{quiet.sql.entry, quiet.sql.fill, quiet.sql.group} {
		text := strings.Replace(st.text, "pg_notify($1, ", "concat($1::text, ", 1)
		require.NotEqual(b, st.text, text, "the statement notifies nobody")
		require.NoError(b, st.prepared.Close(), "Close failed")
		st.prepared, err = quiet.db.PreparexContext(b.Context(), text)
		require.NoError(b, err, "prepare")
	}
	l, q := newRecorder(b, loud, 32), newRecorder(b, quiet, 32)
	turns(b, 9, func() float64 { return rate(b, 32, 10000, func(c int) error { return l.record(c, 1) }) },
		func() float64 { return rate(b, 32, 10000, func(c int) error { return q.record(c, 1) }) })
}

// ratioGrowth opens one profile of a thousand trades, in the company of few and of many.
func ratioGrowth(b *testing.B) {
	few, many := grown(b, 10_000), grown(b, 5_000_000)
	opening := func(s *Store) func() float64 {
		return func() float64 {
			times := make([]float64, 100)
			for i := range times {
				began := time.Now()
				m, err := accounts.New(unwatched{s})
				require.NoError(b, err, "manager")
				p, err := m.Portfolio(b.Context(), testProfile(0).ID)
				require.NoError(b, err, "portfolio")
				require.Len(b, p.Positions(), 1, "positions")
				times[i] = float64(time.Since(began).Microseconds())
				require.NoError(b, m.Close(), "Close failed")
			}
			return median(times)
		}
	}
	turns(b, 9, opening(many), opening(few))
}

// grown returns a store with so many trades, and as many entries, of which a thousand are the first profile's.
func grown(b *testing.B, trades int) *Store {
	s := benchStore(b, "postgres", 1)
	run(b, s.db, `INSERT INTO trading.account_profiles SELECT 'p' || n, 'name ' || n, 'DU1', '25K', 'low' FROM generate_series(1, 1000) n`)
	const chunk = 250_000
	for done := 0; done < trades; done += chunk {
		_, err := s.db.Exec(`INSERT INTO trading.journal_entries SELECT 'p' || 1 + n % 1000, n, 'trade', 'x:' || n, now(), repeat('x', 200)::bytea, '', '' FROM generate_series($1::bigint, $2) n`, done, min(done+chunk, trades)-1)
		require.NoError(b, err, "insert")
		_, err = s.db.Exec(`INSERT INTO trading.trades (account_profile_id, journal_seq, exec_id, exact_quantity, exact_price, traded_at)
			SELECT 'p' || 1 + n % 1000, n, 'x' || n, 1, 41.25, now() FROM generate_series($1::bigint, $2) n`, done, min(done+chunk, trades)-1)
		require.NoError(b, err, "insert")
	}
	r := newRecorder(b, s, 1)
	require.NoError(b, r.record(0, 1000), "Record failed")
	run(b, s.db, `VACUUM ANALYZE`)
	return s
}

// unwatched is a store of which only reading is measured.
type unwatched struct{ *Store }

func (unwatched) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	none := make(chan accounts.Event)
	context.AfterFunc(ctx, func() { close(none) })
	return none, nil
}

func ratioSwitch(b *testing.B) {
	here, switched := switching(b)
	turns(b, 9, latency(switched), latency(func() {
		var one int
		require.NoError(b, here.db.Get(&one, "SELECT 1"), "SELECT 1")
	}))
}

func ratioSwitchByHand(b *testing.B) {
	here, switched := switching(b)
	upsert := bareUpsert(b, here.db)
	turns(b, 9, latency(switched), latency(upsert))
}

// switching returns a store, and what switches there and waits until another store has heard.
func switching(b *testing.B) (here *Store, switched func()) {
	dsn := migrated.Database(b)
	here, err := Open(b.Context(), dsn)
	require.NoError(b, err, "Open failed")
	b.Cleanup(func() { _ = here.Close() })
	there, err := Open(b.Context(), dsn)
	require.NoError(b, err, "Open failed")
	b.Cleanup(func() { _ = there.Close() })
	for i := range 2 {
		require.NoError(b, here.CreateProfile(b.Context(), testProfile(i)), "CreateProfile failed")
	}
	events, err := there.Watch(b.Context())
	require.NoError(b, err, "Watch failed")
	n := 0
	return here, func() {
		n++
		id := testProfile(n % 2).ID
		require.NoError(b, here.SetActiveProfile(b.Context(), "", id, time.Now()), "SetActiveProfile failed")
		for e := range events {
			if e.Kind == accounts.EventSwitched && e.ProfileID == id {
				return
			}
		}
	}
}
