package pgstore

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/risk"
)

const (
	soakChildren = 3
	soakPace     = time.Second / 60 // between two calls that are handed out
	soakFlying   = 2 * soakWorkers  // calls that a process has at most
	soakBrief    = 300              // calls in the short form
)

// Several processes on one PostgreSQL with a standby keep the books of several accounts, while processes
// are killed, connections cut and ended, the standby falls silent and the primary dies. In the end every
// book is what a broker has that was computed from nothing but the executions, every fact that was
// acknowledged is there once, no order was held while trading was halted, every check of the library
// passes, and every subscriber has been told of the newest. $ACCOUNTS_SOAK says for how long;
// $ACCOUNTS_SOAK_SEED repeats what is drawn, though not what the scheduler makes of it.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	s.loop(never) // the accounts have money before anything is drawn
	begun, told := time.Now(), time.Now()
	s.loop(func() bool {
		if s.length == 0 {
			return s.drawn < soakBrief
		}
		if time.Since(told) >= time.Minute {
			told = time.Now()
			s.progress(time.Since(begun))
		}
		return time.Since(begun) < s.length
	})
	for _, a := range s.accounts { // so that there is something newest that all subscribers must hear of
		s.again = append(s.again, s.deposit(a, 100))
	}
	s.loop(never)
	heads := s.heads()
	for i := range s.processes {
		s.again = append(s.again, &soakTask{op: soakOp{Call: "newest", Heads: heads}, only: i + 1})
	}
	s.loop(never)
	s.end()
	s.check()
	s.progress(time.Since(begun))
	t.Logf("%d entries in the journals", s.entries)
}

func never() bool { return false }

// soak is the parent of the processes: the broker, and whoever else tells them what to do. All of it
// belongs to the goroutine of the test, but for faults.
type soak struct {
	t       *testing.T
	random  *rand.Rand
	length  time.Duration // 0 for the short form
	cluster *pgtest.Cluster
	proxy   *pgtest.Proxy
	dsn     map[string]string // by driver
	faults  *soakFaults

	accounts  []*soakAccount
	processes []*soakSlot
	lines     chan soakLine
	again     []*soakTask // still to be handed out, or again
	flying    map[int64]*soakAttempt
	replay    []*soakTask // facts that were acknowledged

	ticks, attempts, drawn int64          // ticks are those at which something may be drawn
	acked                  map[string]int // calls, by what they are
	entries                int64
}

// newSoak starts the cluster and the processes.
func newSoak(t *testing.T) *soak {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("ACCOUNTS_SOAK_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "$ACCOUNTS_SOAK_SEED")
	}
	s := &soak{t: t, random: rand.New(rand.NewPCG(seed, 0)), lines: make(chan soakLine), flying: map[int64]*soakAttempt{},
		acked: map[string]int{}}
	if text := os.Getenv("ACCOUNTS_SOAK"); text != "" {
		var err error
		s.length, err = time.ParseDuration(text)
		require.NoError(t, err, "$ACCOUNTS_SOAK")
	}
	t.Logf("ACCOUNTS_SOAK_SEED=%d", seed)
	s.cluster = pgtest.NewCluster(t)
	s.proxy = pgtest.NewProxy(t, s.cluster.Primary())
	s.dsn = map[string]string{"postgres": s.proxy.DSN(), "pgx": s.cluster.DSN()}
	s.createProfiles()
	s.faults = newSoakFaults(s)
	for i := range soakChildren {
		s.processes = append(s.processes, &soakSlot{number: i})
		s.start(s.processes[i])
	}
	return s
}

// createProfiles makes the schema and the accounts, which may do almost anything and have money for it.
func (s *soak) createProfiles() {
	db := open(s.t, "postgres", s.cluster.Primary().DSN())
	migrate(s.t, db)
	store, err := New(s.t.Context(), db)
	require.NoError(s.t, err, "New failed")
	for i := range soakProfiles {
		p := testProfile(i)
		p.IBKRAccountID = fmt.Sprintf("DU%07d", 2000000+i)
		limits := accounts.DefaultLimits(p.CapitalLevel, p.RiskTolerance)
		limits.ShortSelling, limits.DayTrading = true, nil
		limits.OrderNotional = risk.Limit{Amount: cents(200_000)}
		limits.PositionSize, limits.UnderlyingSize, limits.SectorExposure, limits.DailyLoss = risk.Limit{}, risk.Limit{}, risk.Limit{}, risk.Limit{}
		limits.OpenPositions, limits.OrdersPerMinute, limits.OrdersPerDay, limits.DuplicateWindow = 0, 0, 0, 0
		p.Limits = &limits
		require.NoError(s.t, store.CreateProfile(s.t.Context(), p), "CreateProfile failed")
		a := newSoakAccount(i, s.random)
		s.accounts = append(s.accounts, a)
		s.again = append(s.again, s.deposit(a, 10_000_000_000))
	}
	require.NoError(s.t, store.Close(), "Close failed")
	require.NoError(s.t, db.Close(), "Close failed")
}

// loop hands calls out and takes answers. It draws new calls, and faults, while more says so, and
// returns when all are acknowledged.
func (s *soak) loop(more func() bool) {
	tick := time.NewTicker(soakPace)
	defer tick.Stop()
	patience := time.NewTimer(soakPatience)
	defer patience.Stop()
	for on := true; on || len(s.again)+len(s.flying) > 0 || s.faults.busy(); {
		select {
		case <-tick.C:
			if on = more(); on {
				s.ticks++
				s.misfortune()
			}
			s.handOut(on)
		case line := <-s.lines:
			if s.hear(line) {
				patience.Reset(soakPatience)
			}
		case err := <-s.faults.failed:
			require.NoError(s.t, err, "a fault could not be brought about")
		case <-patience.C:
			require.FailNow(s.t, "nothing is acknowledged any more", "%s", s.outstanding())
		}
	}
}

// handOut gives a call to a process or, now and then, to two at once. It draws none while no process can
// take it, or many wait: they would grow old, and the journals would see nothing but late facts.
func (s *soak) handOut(fresh bool) {
	fresh = fresh && len(s.again) < soakFlying && s.free(&soakTask{}, nil) != nil
	var task *soakTask
	switch {
	case len(s.again) > 0 && (!fresh || s.random.IntN(2) == 0):
		task, s.again = s.again[0], s.again[1:]
	case fresh:
		task = s.draw()
		s.drawn++
	default:
		return
	}
	to := s.free(task, nil)
	if to == nil {
		s.again = append(s.again, task)
		return
	}
	s.send(to, task)
	if other := s.free(task, to); other != nil && task.only == 0 && !task.once && s.random.IntN(8) == 0 {
		s.send(other, task)
	}
}

// free returns a process that can take the call, other than one.
func (s *soak) free(task *soakTask, but *soakSlot) *soakSlot {
	for _, i := range s.random.Perm(len(s.processes)) {
		p := s.processes[i]
		if p != but && p.ready && !p.killed && p.flying < soakFlying && (task.only == 0 || task.only == i+1) {
			return p
		}
	}
	return nil
}

// send gives a process a call. A process that is gone says so by the end of its output.
func (s *soak) send(to *soakSlot, task *soakTask) {
	s.attempts++
	op := task.op
	op.N = s.attempts
	op.Hasty = task.only == 0 && s.random.IntN(12) == 0
	if task.born == nil {
		task.born = s.halts()
	}
	s.flying[op.N] = &soakAttempt{task: task, to: to, calm: s.faults.calm()}
	task.flying++
	to.flying++
	line, err := json.Marshal(op)
	require.NoError(s.t, err, "a call that cannot be written")
	_, _ = to.child.stdin.Write(append(line, '\n'))
}

// hear takes a line of a process's, and reports whether it acknowledges a call.
func (s *soak) hear(line soakLine) bool {
	if line.ended {
		s.bury(line.from)
		return false
	}
	var a soakAnswer
	if err := json.Unmarshal(line.text, &a); err != nil {
		require.True(s.t, line.from.killed, "a process said %q", line.text)
		return false
	}
	if a.N == 0 && a.Err == "" {
		line.from.ready = true
		s.again = append([]*soakTask{s.marks(line.from.number)}, s.again...)
		return true
	}
	attempt := s.flying[a.N]
	require.NotNil(s.t, attempt, "an answer to no call: %s", line.text)
	s.land(a.N)
	line.from.append = max(line.from.append, a.Append)
	if a.Err == "" {
		s.acknowledged(attempt, a)
		return true
	}
	task := attempt.task
	task.failed = a.Err
	if a.Corrupt && s.faults.lost.Load() > line.from.lost {
		// What was never acknowledged was seen, and a failover lost it: the process has to begin again.
		s.kill(line.from)
		s.faults.count["start after a loss"]++
		return false
	}
	require.False(s.t, a.Final || a.Corrupt, "%s of profile %d: %s", task.op.Call, task.op.Profile, a.Err)
	return false
}

// land ends an attempt. What nobody has acknowledged is handed out again.
func (s *soak) land(n int64) {
	a := s.flying[n]
	delete(s.flying, n)
	a.to.flying--
	a.task.flying--
	if a.task.flying == 0 && !a.task.done && !a.task.volatile {
		s.again = append(s.again, a.task)
	}
}
