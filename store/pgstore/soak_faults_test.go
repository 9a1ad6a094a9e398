package pgstore

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
)

// soakSlot is the place of a process, which is filled again when the process was killed.
type soakSlot struct {
	number int
	starts int
	child  *child
	ready  bool
	killed bool
	lost   int64 // how often a failover may have lost what was not acknowledged before the process began
	flying int

	halts                  int
	append, halt, calmHalt time.Duration // the longest
}

// halted notes how long a halt took.
func (p *soakSlot) halted(took time.Duration, calm bool) {
	p.halts++
	p.halt = max(p.halt, took)
	if calm {
		p.calmHalt = max(p.calmHalt, took)
	}
}

// soakLine is a line of a process's, or the end of what it says.
type soakLine struct {
	from  *soakSlot
	text  []byte
	ended bool
}

// start starts a process, with one driver and then the other.
func (s *soak) start(p *soakSlot) {
	driver := []string{"postgres", "pgx"}[(p.number+p.starts)%2]
	p.starts++
	p.child = startChild(s.t, "soak", s.dsn[driver], driver)
	p.ready, p.killed, p.lost = false, false, s.faults.lost.Load()
	c, done := p.child, make(chan struct{})
	go func() {
		defer close(done)
		for c.lines.Scan() {
			s.pass(soakLine{from: p, text: append([]byte(nil), c.lines.Bytes()...)})
		}
		s.pass(soakLine{from: p, ended: true})
	}()
	s.t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-done
		_ = c.cmd.Wait()
	})
}

// pass gives a line to the test, while there is one.
func (s *soak) pass(line soakLine) {
	select {
	case s.lines <- line:
	case <-s.t.Context().Done():
	}
}

// kill ends a process with SIGKILL. What it has said comes still, and then the end of it.
func (s *soak) kill(p *soakSlot) {
	p.killed = true
	_ = p.child.cmd.Process.Kill()
}

// bury hands out again what a process had that is gone, and starts another.
func (s *soak) bury(p *soakSlot) {
	err := p.child.cmd.Wait()
	require.True(s.t, p.killed, "a process ended by itself: %v", err)
	for n, a := range s.flying {
		if a.to == p {
			s.land(n)
		}
	}
	s.start(p)
}

// outstanding tells what is not acknowledged, and why.
func (s *soak) outstanding() string {
	var b strings.Builder
	for _, p := range s.processes {
		fmt.Fprintf(&b, "process %d: ready %t, %d calls\n", p.number, p.ready, p.flying)
	}
	for n, a := range s.flying {
		fmt.Fprintf(&b, "call %d, %s in profile %d, is with process %d: %s\n", n, a.task.op.Call, a.task.op.Profile, a.to.number, a.task.failed)
	}
	for _, task := range s.again {
		fmt.Fprintf(&b, "%s in profile %d waits: %s\n", task.op.Call, task.op.Profile, task.failed)
	}
	return b.String()
}

// soakFaults brings faults about, those that take time one after another in a goroutine of its own.
type soakFaults struct {
	s      *soak
	random *rand.Rand
	due    map[string]int64 // by kind, the tick of the next one, or in the short form how many calls are drawn before
	count  map[string]int
	todo   chan string
	failed chan error
	left   atomic.Int64 // of those in todo
	since  atomic.Int64 // when the last one ended, in nanoseconds
	lost   atomic.Int64 // failovers before which commits were not replicated
	runs   sync.WaitGroup
}

// soakEvery is how many ticks lie between two faults of a kind, on average.
var soakEvery = map[string]int64{"kill": 20 * 60, "cut": 15 * 60, "terminate": 25 * 60, "silence": 30 * 60, "failover": 60 * 60}

func newSoakFaults(s *soak) *soakFaults {
	f := &soakFaults{s: s, random: rand.New(rand.NewPCG(s.random.Uint64(), 0)), due: map[string]int64{}, count: map[string]int{},
		todo: make(chan string, 8), failed: make(chan error, 8)}
	for _, kind := range []string{"kill", "cut", "terminate", "silence", "failover"} { // in one order, so that the seed decides
		if s.length == 0 {
			f.due[kind] = 30 + s.random.Int64N(soakBrief-60)
		} else {
			f.due[kind] = s.random.Int64N(soakEvery[kind])
		}
	}
	f.runs.Go(func() {
		for kind := range f.todo {
			if err := f.bring(kind); err != nil {
				f.failed <- fmt.Errorf("%s: %w", kind, err)
			}
			f.since.Store(time.Now().UnixNano())
			f.left.Add(-1)
		}
	})
	s.t.Cleanup(f.close)
	return f
}

func (f *soakFaults) close() {
	close(f.todo)
	f.runs.Wait()
}

// busy reports whether a fault is under way or waits.
func (f *soakFaults) busy() bool { return f.left.Load() > 0 }

// calm reports whether the last fault is some time ago: figures of calm times are told apart, and
// nothing is decided by them.
func (f *soakFaults) calm() bool {
	return !f.busy() && time.Since(time.Unix(0, f.since.Load())) > 3*time.Second
}

// misfortune brings about the faults that are due.
func (s *soak) misfortune() {
	f, now := s.faults, s.ticks
	if s.length == 0 {
		now = s.drawn
	}
	for _, kind := range []string{"kill", "cut", "terminate", "silence", "failover"} {
		if at, ok := f.due[kind]; !ok || now < at {
			continue
		}
		delete(f.due, kind)
		if s.length > 0 {
			f.due[kind] = now + soakEvery[kind]/2 + s.random.Int64N(soakEvery[kind])
		}
		f.count[kind]++
		switch kind {
		case "kill":
			f.since.Store(time.Now().UnixNano())
			s.kill(s.processes[s.random.IntN(len(s.processes))])
		case "cut":
			f.since.Store(time.Now().UnixNano())
			s.proxy.Cut()
		default:
			f.left.Add(1)
			f.todo <- kind
		}
	}
}

// bring brings about a fault that takes time.
func (f *soakFaults) bring(kind string) error {
	c := f.s.cluster
	switch kind {
	case "terminate":
		return c.Primary().Await(`SELECT count(pg_terminate_backend(pid)) >= 0 FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	case "silence":
		if err := c.Standby().Silence(); err != nil {
			return err
		}
		f.linger()
		return c.Standby().Wake()
	}
	return f.failOver()
}

// failOver kills the primary and promotes the standby. Half of the times the standby was down just
// before: what was committed meanwhile, and could not be acknowledged, is gone.
func (f *soakFaults) failOver() error {
	c := f.s.cluster
	steps := []func() error{c.Primary().Kill, c.Promote}
	if f.random.IntN(2) == 0 {
		f.lost.Add(1)
		standby := c.Standby()
		steps = []func() error{standby.Kill, func() error { f.linger(); return nil }, c.Primary().Kill, standby.Start, c.Promote}
	}
	steps = append(steps, func() error { f.s.proxy.LeadTo(c.Primary()); return nil }, c.Rejoin)
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// linger lasts as long as a fault does.
func (f *soakFaults) linger() {
	moment := time.NewTimer(time.Duration(100+f.random.IntN(1000)) * time.Millisecond)
	defer moment.Stop()
	<-moment.C
}
