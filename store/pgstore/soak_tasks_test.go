package pgstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// soakTask is a call that is handed out until it is acknowledged.
type soakTask struct {
	op       soakOp
	only     int               // the number of the one process that it is for, from 1; 0 for any
	once     bool              // never with two processes at the same time
	volatile bool              // not handed out again
	then     func(*soakAnswer) // what the first acknowledgement means; may be nil
	born     []int             // the halts in force when it was first handed out
	flying   int
	done     bool
	failed   string // the last error
}

// soakAttempt is a call that a process has.
type soakAttempt struct {
	task *soakTask
	to   *soakSlot
	calm bool // no fault was under way
}

// soakAccount is what the parent knows of one account.
type soakAccount struct {
	*brokerAccount
	facts    map[string]bool // what was acknowledged
	holds    map[ledger.OrderID]bool
	open     []soakHeld // orders held that nothing was done about
	released map[ledger.OrderID]bool
	orders   int
	changing bool // a halt or resumption is on its way
	halt     int  // the number of the halt in force, from when it was acknowledged to when a resumption is handed out
	halts    int
}

func newSoakAccount(number int, random *rand.Rand) *soakAccount {
	return &soakAccount{brokerAccount: newBrokerAccount(number, random), facts: map[string]bool{},
		holds: map[ledger.OrderID]bool{}, released: map[ledger.OrderID]bool{}}
}

// halts returns the halt in force of each account, 0 for none.
func (s *soak) halts() []int {
	list := make([]int, len(s.accounts))
	for i, a := range s.accounts {
		list[i] = a.halt
	}
	return list
}

// draw makes up a call.
func (s *soak) draw() *soakTask {
	a := s.accounts[s.random.IntN(len(s.accounts))]
	n := s.random.IntN(100)
	f := a.settled()
	switch {
	case n < 6:
		return s.fills(a, a.fill(a.earlier()))
	case n < 11 && f != nil:
		a.correct(f)
		return s.fills(a, f)
	case n < 15 && f != nil:
		return s.cancellation(a, f)
	case n < 18:
		return s.deposit(a, 1+s.random.Int64N(100_000))
	case n < 32 && a.halt != 0 && s.random.IntN(2) == 0:
		return s.resume(a)
	case n < 32:
		return s.reserve(a)
	case n < 42 && len(a.open) > 0:
		return s.finish(a)
	case n < 45:
		return s.route()
	case n < 49:
		return s.marks(s.random.IntN(len(s.processes)))
	case n < 51:
		return s.equity(a)
	case n < 54 && a.halt == 0 && !a.changing:
		return s.halt(a)
	case n < 60 && len(s.replay) > 0:
		return s.replay[s.random.IntN(len(s.replay))]
	}
	list := []*brokerFill{a.fill(a.now())}
	for s.random.IntN(3) == 0 {
		list = append(list, a.fill(a.now()))
	}
	return s.fills(a, list...)
}

// record is the task of recording facts. Once it is acknowledged, it is repeated now and then.
func (s *soak) record(a *soakAccount, op soakOp, then func()) *soakTask {
	op.Call, op.Profile = "record", a.number
	task := &soakTask{op: op}
	task.then = func(*soakAnswer) {
		for _, f := range op.Trades {
			a.facts["x:"+string(f.ExecID)] = true
		}
		for _, f := range op.Cash {
			a.facts["c:"+f.ID] = true
		}
		for _, f := range op.Cancels {
			a.facts["k:"+string(f.ExecID)] = true
		}
		if then != nil {
			then()
		}
		s.replay = append(s.replay, task)
		s.replay = s.replay[max(0, len(s.replay)-500):]
	}
	return task
}

func (s *soak) fills(a *soakAccount, list ...*brokerFill) *soakTask {
	var op soakOp
	for _, f := range list {
		op.Trades = append(op.Trades, f.trade())
	}
	return s.record(a, op, func() {
		for _, f := range list {
			f.settled = true
		}
	})
}

func (s *soak) cancellation(a *soakAccount, f *brokerFill) *soakTask {
	return s.record(a, soakOp{Cancels: []ledger.Cancellation{a.cancel(f)}}, nil)
}

func (s *soak) deposit(a *soakAccount, amount int64) *soakTask {
	return s.record(a, soakOp{Cash: []ledger.CashMovement{a.brokerAccount.deposit(amount)}}, nil)
}

func (s *soak) reserve(a *soakAccount) *soakTask {
	a.orders++
	o := &risk.Order{ID: ledger.OrderID(fmt.Sprintf("order.%d.%d", a.number, a.orders)), Instrument: soakContract(s.random.IntN(soakContracts)),
		Quantity: udecimal.MustFromInt64((1+s.random.Int64N(10))*(1-2*s.random.Int64N(2)), 0), Price: cents(10_000)}
	return &soakTask{op: soakOp{Call: "reserve", Profile: a.number, Order: o}}
}

// finish executes an order in full, or lets go of it.
func (s *soak) finish(a *soakAccount) *soakTask {
	i := s.random.IntN(len(a.open))
	order := a.open[i]
	a.open = slices.Delete(a.open, i, i+1)
	if s.random.IntN(2) == 0 {
		return s.fills(a, a.fillOrder(order))
	}
	return &soakTask{op: soakOp{Call: "release", Profile: a.number, Order: &risk.Order{ID: order.ID}},
		then: func(*soakAnswer) { a.released[order.ID] = true }}
}

func (s *soak) route() *soakTask {
	action := []accounts.SignalAction{accounts.SignalBuy, accounts.SignalSell}[s.random.IntN(2)]
	return &soakTask{op: soakOp{Call: "route", Signal: &accounts.Signal{ID: risk.SignalID(fmt.Sprint("signal.", s.drawn)),
		Instrument: soakContract(s.random.IntN(soakContracts)), Action: action, Price: cents(10_000)}}}
}

// marks tells a process new prices.
func (s *soak) marks(process int) *soakTask {
	op := soakOp{Call: "mark"}
	for i := range soakContracts {
		op.Marks = append(op.Marks, ledger.Mark{Instrument: soakContract(i), Price: cents(9_900 + s.random.Int64N(200)), Time: time.Now()})
	}
	return &soakTask{op: op, only: process + 1, volatile: true}
}

func (s *soak) equity(a *soakAccount) *soakTask {
	return &soakTask{op: soakOp{Call: "equity", Profile: a.number}, then: func(answer *soakAnswer) {
		a.facts["e:"+answer.At.Format(time.RFC3339Nano)] = true
	}}
}

func (s *soak) halt(a *soakAccount) *soakTask {
	a.changing = true
	return &soakTask{op: soakOp{Call: "halt", Profile: a.number}, once: true, then: func(*soakAnswer) {
		a.changing = false
		a.halts++
		a.halt = a.halts
	}}
}

// resume ends a halt. No other is drawn before the resumption is acknowledged, and nobody has it twice
// at a time: a halt that is acknowledged later has no resumption behind it.
func (s *soak) resume(a *soakAccount) *soakTask {
	a.changing, a.halt = true, 0
	return &soakTask{op: soakOp{Call: "resume", Profile: a.number}, once: true, then: func(*soakAnswer) { a.changing = false }}
}

// acknowledged takes an acknowledgement, the first or another.
func (s *soak) acknowledged(attempt *soakAttempt, a soakAnswer) {
	task := attempt.task
	for _, h := range a.Held {
		account := s.accounts[h.Profile]
		require.True(s.t, account.halt == 0 || account.halt != task.born[h.Profile],
			"order %s of profile %d was first asked for when halt %d was acknowledged, and is allowed", h.ID, h.Profile, account.halt)
		if !account.holds[h.ID] {
			account.holds[h.ID] = true
			account.open = append(account.open, h)
		}
	}
	if task.op.Call == "halt" {
		attempt.to.halted(a.Took, attempt.calm && s.faults.calm())
	}
	if task.done {
		return
	}
	task.done = true
	s.again = slices.DeleteFunc(s.again, func(other *soakTask) bool { return other == task })
	s.acked[task.op.Call]++
	if task.then != nil {
		task.then(&a)
	}
}
