package gatewaysim

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// ErrUnknown is returned by calls of a script for an account, a contract, an order, an execution or
// a currency that the gateway does not have.
var ErrUnknown = errors.New("unknown to the gateway")

// MarketConfig says how a market works. The zero value is a market whose clock stands at 10:00 in
// New York on a Monday, in which orders fill in whole as soon as a quote lets them.
type MarketConfig struct {
	// Start is what the clock shows first: 2026-06-01 14:00 UTC if zero, and the real time if the
	// clock goes by itself.
	Start time.Time
	// Realtime makes the clock go by itself, Speed times as fast as the real one: 1 to 1,000,000; 1
	// if zero.
	Realtime bool
	Speed    int
	// Skew is how far the clock of a real-time market is off: ahead of the real time, or behind if
	// below zero.
	Skew time.Duration
	// AlwaysOpen makes a market that never closes. Its days have no end: orders for the day end by
	// [Market.EndDay] alone, and there is no nightly reset and no maintenance.
	AlwaysOpen bool
	// Manual makes orders fill by [Gateway.Fill] alone.
	Manual bool
	// Liquidity is the most that fills at one quote of a contract, for all orders together; zero
	// for no bound.
	Liquidity ledger.Decimal
	// Commission returns what a fill costs, above zero; a schedule like IBKR's fixed one if nil. It
	// must not call the gateway.
	Commission func(c Contract, quantity, price ledger.Decimal) ledger.Decimal
	// CommissionDelay is how long after a fill its commission is told and charged; at once if zero.
	CommissionDelay time.Duration
}

// Market has contracts, quotes, rates and a clock. It is safe for concurrent use, and has no
// goroutine.
type Market struct {
	config MarketConfig
	zone   *time.Location

	mu        sync.Mutex // of the market and of everything of its gateways
	now       time.Time
	begun     time.Time     // of a clock that goes by itself: the real time when it began,
	offset    time.Duration // and by how much Advance has moved it
	tasks     []task        // ordered by their times
	contracts map[int64]*Contract
	quotes    map[int64]*quote
	rates     map[ledger.Currency]ledger.Decimal // what a unit is worth in USD
	working   map[int64][]*order                 // by contract, in the order in which they came
	gateways  []*Gateway
	conid     int64 // of the last contract that was given one
	number    int64 // of the last order or execution
}

// task is something that happens at a time.
type task struct {
	at time.Time
	do func()
}

// maxSpeed keeps the time that has passed within a Duration for hours of real time.
const maxSpeed = 1_000_000

// NewMarket returns a market with USD alone and no contract. It returns an error for a wrong speed
// or a delay below zero, and where the machine's time zones cannot be read.
func NewMarket(c MarketConfig) (*Market, error) {
	if c.Speed < 0 || c.Speed > maxSpeed || c.CommissionDelay < 0 {
		return nil, fmt.Errorf("new market: speed %d or delay %s is out of bounds", c.Speed, c.CommissionDelay)
	}
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		return nil, fmt.Errorf("new market: %w", err)
	}
	if c.Start.IsZero() && c.Realtime {
		c.Start = time.Now().Add(c.Skew)
	} else if c.Start.IsZero() {
		c.Start = time.Date(2026, 6, 1, 14, 0, 0, 0, time.UTC)
	}
	if c.Commission == nil {
		c.Commission = commission
	}
	m := &Market{
		config: c, zone: zone, now: c.Start.UTC(), begun: time.Now(), contracts: map[int64]*Contract{}, quotes: map[int64]*quote{},
		rates: map[ledger.Currency]ledger.Decimal{"USD": one}, working: map[int64][]*order{}, conid: firstConID, number: firstOrder,
	}
	if !c.AlwaysOpen {
		m.everyDay(opening, m.startDay)
		m.everyDay(closing, m.endDay)
		m.everyDay(midnight, m.newDay)
		m.everyDay(maintenanceEnds, m.endMaintenance)
		m.everyDay(weeklyEnds, m.endWeekly)
	}
	return m, nil
}

// lock locks the market and brings a clock that goes by itself up to date. Whoever has the lock has
// all of the market and its gateways.
func (m *Market) lock() {
	m.mu.Lock()
	if m.config.Realtime {
		m.moveTo(m.config.Start.Add(time.Since(m.begun)*time.Duration(max(m.config.Speed, 1)) + m.offset).UTC())
	}
}

// Now returns the time of the market's clock, in UTC.
func (m *Market) Now() time.Time {
	m.lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock. What is due on the way happens at its own time and in its order: closes,
// resets, commissions, sessions that die. A distance below zero changes nothing.
func (m *Market) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	m.lock()
	defer m.mu.Unlock()
	m.offset += d
	m.moveTo(m.now.Add(d))
}

// moveTo moves the clock to a time and does what is due until then.
func (m *Market) moveTo(end time.Time) {
	for len(m.tasks) > 0 && !m.tasks[0].at.After(end) {
		next := m.tasks[0]
		m.tasks = slices.Delete(m.tasks, 0, 1)
		if next.at.After(m.now) {
			m.now = next.at
		}
		m.settle()
		next.do()
	}
	if end.After(m.now) {
		m.now = end
	}
	m.settle()
}

// settle notices what has ended because time has passed.
func (m *Market) settle() {
	for _, g := range m.gateways {
		g.settle()
	}
}

// after does something once the clock has moved on by d.
func (m *Market) after(d time.Duration, do func()) { m.at(m.now.Add(d), do) }

func (m *Market) at(t time.Time, do func()) {
	n, _ := slices.BinarySearchFunc(m.tasks, t, func(k task, t time.Time) int {
		if k.at.After(t) {
			return 1
		}
		return -1 // a task of the same time comes after those that were there
	})
	m.tasks = slices.Insert(m.tasks, n, task{t, do})
}

// next returns a number that no order and no execution had.
func (m *Market) next() int64 {
	m.number++
	return m.number
}

// SetRate sets what a unit of a currency is worth in USD.
func (m *Market) SetRate(c ledger.Currency, usd ledger.Decimal) error {
	if !c.Valid() || !usd.IsPos() || c == "USD" && !usd.Equal(one) {
		return fmt.Errorf("set the rate of %.20q to %s: it is no currency, or the rate is not above zero", c, usd)
	}
	m.lock()
	defer m.mu.Unlock()
	m.rates[c] = usd
	return nil
}

// rate returns what a unit of a currency is worth in another; false if either is not known.
func (m *Market) rate(from, to ledger.Currency) (ledger.Decimal, bool) {
	a, b := m.rates[from], m.rates[to]
	if a.IsZero() || b.IsZero() {
		return ledger.Decimal{}, false
	}
	rate, err := a.Div(b)
	return rate.RoundBank(ratePlaces), err == nil
}

var (
	one     = ledger.MustDecimal("1")
	hundred = ledger.MustDecimal("100")
	half    = ledger.MustDecimal("0.5")
)

const (
	firstConID = 900_000_000
	firstOrder = 1_000_000_000
	ratePlaces = 8
)
