package pgstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

const (
	soakProfiles  = 4
	soakContracts = 12 // of each profile
)

func soakContract(i int) ledger.Instrument { return ledger.NewStock(fmt.Sprint("SOAK", i), "USD") }

func cents(n int64) ledger.Decimal { return udecimal.MustFromInt64(n, 2) }

// brokerFill is one execution as the broker has it. Money is in cents for each unit, so that no share
// of it is ever rounded.
type brokerFill struct {
	root      string // of its id
	version   int    // of its id, from 1
	order     ledger.OrderID
	contract  int
	quantity  int64
	price     int64
	fee       int64
	at        time.Time
	cancelled bool
	settled   bool // what the broker told of it last was acknowledged
}

func (f *brokerFill) id() ledger.ExecID {
	return ledger.ExecID(fmt.Sprintf("%s.%02d", f.root, f.version))
}

func (f *brokerFill) trade() ledger.Trade {
	return ledger.Trade{ExecID: f.id(), OrderID: f.order, Instrument: soakContract(f.contract), Time: f.at,
		Quantity: udecimal.MustFromInt64(f.quantity, 0), Price: cents(f.price), Commission: cents(f.fee * max(f.quantity, -f.quantity))}
}

// unit is what a unit cost with its fee or, sold, brought less its fee.
func (f *brokerFill) unit() int64 {
	if f.quantity > 0 {
		return f.price + f.fee
	}
	return f.price - f.fee
}

// brokerAccount is an account as the broker keeps it.
type brokerAccount struct {
	number   int
	random   *rand.Rand
	fills    []*brokerFill
	held     [soakContracts]int64 // units, of the executions in force
	paidIn   int64                // cents
	deposits int
	cancels  int
	newest   time.Time // of the fills
	taken    map[int64]bool
}

func newBrokerAccount(number int, random *rand.Rand) *brokerAccount {
	return &brokerAccount{number: number, random: random, taken: map[int64]bool{}}
}

// fill executes something. Where the account holds much of the contract, it rather sells, so that lots stay few.
func (a *brokerAccount) fill(at time.Time) *brokerFill {
	f := &brokerFill{contract: a.random.IntN(soakContracts), at: at}
	f.terms(a.random)
	if held := a.held[f.contract]; held > 50 && f.quantity > 0 || held < -50 && f.quantity < 0 {
		f.quantity = -f.quantity
	}
	return a.execute(f)
}

// fillOrder executes an order in full.
func (a *brokerAccount) fillOrder(order soakHeld) *brokerFill {
	f := &brokerFill{at: a.now()}
	f.terms(a.random)
	f.order, f.contract, f.quantity = order.ID, order.Contract, order.Quantity
	return a.execute(f)
}

func (a *brokerAccount) execute(f *brokerFill) *brokerFill {
	f.root, f.version = fmt.Sprintf("0000%04x.%08x.%06d", a.number, a.random.Uint32(), len(a.fills)), 1
	a.fills = append(a.fills, f)
	a.held[f.contract] += f.quantity
	return f
}

// terms gives the execution other terms.
func (f *brokerFill) terms(random *rand.Rand) {
	f.quantity = (1 + random.Int64N(20)) * (1 - 2*random.Int64N(2))
	f.price = 9500 + random.Int64N(1000)
	f.fee = random.Int64N(4)
}

// now is a time after that of every fill.
func (a *brokerAccount) now() time.Time {
	at := time.Now().UTC().Truncate(time.Microsecond)
	if !at.After(a.newest) {
		at = a.newest.Add(time.Microsecond)
	}
	a.newest = at
	a.taken[at.UnixMicro()] = true
	return at
}

// earlier is a time that lies before others' and that no fill has: seconds as a rule, now and then anywhere.
func (a *brokerAccount) earlier() time.Time {
	back := 10 * time.Second
	if a.random.IntN(20) == 0 && len(a.fills) > 0 {
		back = max(back, a.newest.Sub(a.fills[0].at))
	}
	at := a.newest.Add(-time.Duration(1 + a.random.Int64N(int64(back)))).Truncate(time.Microsecond)
	for a.taken[at.UnixMicro()] {
		at = at.Add(-time.Microsecond)
	}
	a.taken[at.UnixMicro()] = true
	return at
}

// settled returns one of the newer executions that nothing is under way about; nil for none. Those of
// orders are final.
func (a *brokerAccount) settled() *brokerFill {
	for range 20 {
		if len(a.fills) == 0 {
			return nil
		}
		f := a.fills[max(0, len(a.fills)-1-a.random.IntN(200))]
		if f.settled && !f.cancelled && f.order == "" && f.version < 9 {
			return f
		}
	}
	return nil
}

// correct changes what an execution was.
func (a *brokerAccount) correct(f *brokerFill) {
	a.held[f.contract] -= f.quantity
	f.terms(a.random)
	a.held[f.contract] += f.quantity
	f.version++
	f.settled = false
}

// cancel takes an execution back.
func (a *brokerAccount) cancel(f *brokerFill) ledger.Cancellation {
	a.held[f.contract] -= f.quantity
	f.cancelled, f.settled = true, false
	a.cancels++
	return ledger.Cancellation{ExecID: ledger.ExecID(fmt.Sprintf("cancel.%d.%d", a.number, a.cancels)), Cancels: f.id(), Time: a.now()}
}

// deposit pays money in.
func (a *brokerAccount) deposit(amount int64) ledger.CashMovement {
	a.paidIn += amount
	a.deposits++
	return ledger.CashMovement{ID: fmt.Sprintf("deposit.%d.%d", a.number, a.deposits), Kind: ledger.Deposit, Currency: "USD",
		Amount: cents(amount), Time: a.now()}
}

// brokerHolding is what an account has of one contract, in cents.
type brokerHolding struct{ quantity, basis, realized, fees int64 }

// brokerLot is what is left of one execution: its units, and what each cost with its fee, or brought less its fee.
type brokerLot struct{ quantity, unit int64 }

// holding works out from the executions in force what the account has: by time, what was opened first
// is closed first.
func (a *brokerAccount) holding(contract int) (h brokerHolding) {
	var fills []*brokerFill
	for _, f := range a.fills {
		if f.contract == contract && !f.cancelled {
			fills = append(fills, f)
		}
	}
	slices.SortFunc(fills, func(x, y *brokerFill) int { return x.at.Compare(y.at) })
	var lots []brokerLot
	for _, f := range fills {
		h.fees += f.fee * max(f.quantity, -f.quantity)
		left := f.quantity
		for left != 0 && len(lots) > 0 && (lots[0].quantity > 0) != (left > 0) {
			n := min(max(left, -left), max(lots[0].quantity, -lots[0].quantity))
			if left < 0 { // sells what was bought
				h.realized += n * (f.unit() - lots[0].unit)
				n = -n
			} else { // buys back what was sold
				h.realized += n * (lots[0].unit - f.unit())
			}
			left -= n
			if lots[0].quantity += n; lots[0].quantity == 0 {
				lots = lots[1:]
			}
		}
		if left != 0 {
			lots = append(lots, brokerLot{left, f.unit()})
		}
	}
	for _, l := range lots {
		h.quantity += l.quantity
		h.basis += l.quantity * l.unit
	}
	return h
}

// cash is what the account has in cents: what was paid in and what executions brought.
func (a *brokerAccount) cash() int64 {
	sum := a.paidIn
	for _, f := range a.fills {
		if !f.cancelled {
			sum -= f.quantity * f.unit()
		}
	}
	return sum
}

// requireBook checks that the portfolio has what the broker has, to the cent.
func (a *brokerAccount) requireBook(t *testing.T, p *accounts.Portfolio) {
	t.Helper()
	known := map[ledger.InstrumentKey]bool{}
	for i := range soakContracts {
		contract := soakContract(i)
		key := contract.Key()
		known[key] = true
		want := a.holding(i)
		got, _ := p.Position(key)
		require.Equal(t, udecimal.MustFromInt64(want.quantity, 0).String(), got.Quantity.String(), "%s: quantity of %s", p.ProfileID(), key)
		require.Equal(t, cents(want.basis).String(), got.Basis.String(), "%s: basis of %s", p.ProfileID(), key)
		require.Equal(t, cents(want.realized).String(), got.Realized.String(), "%s: realized in %s", p.ProfileID(), key)
		require.Equal(t, cents(want.fees).String(), got.Commissions.String(), "%s: commissions of %s", p.ProfileID(), key)
	}
	for _, position := range p.Positions() {
		require.True(t, known[position.Instrument.Key()], "%s: the broker knows no position in %s", p.ProfileID(), position.Instrument.Key())
	}
	require.Equal(t, cents(a.cash()).String(), p.Cash()["USD"].Balance().String(), "%s: cash", p.ProfileID())
	inForce := int64(0)
	for _, f := range a.fills {
		if !f.cancelled {
			inForce++
		}
	}
	require.Equal(t, inForce, p.Snapshot().Trades, "%s: trades in force", p.ProfileID())
}
