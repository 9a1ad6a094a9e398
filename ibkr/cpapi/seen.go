package cpapi

import (
	"strconv"
	"time"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// seen is what was seen of an account in this session. What a list has shown does not vanish from
// it: a list that lacks an order which worked, or an execution, is a list of less than all.
type seen struct {
	// orders are those that were listed as working, with the zero time, and those that were
	// acknowledged a moment ago, with the time until which they count.
	orders     map[int64]time.Time
	executions map[string]time.Time // by the root of their ids, with their times
}

// listLag is how long an order that was acknowledged is waited for in the lists.
const listLag = 30 * time.Second

// seenOf returns what was seen of an account. c.mu is held.
func (c *Client) seenOf(id broker.AccountID) *seen {
	s := c.seenBy[id]
	if s == nil {
		s = &seen{orders: map[int64]time.Time{}, executions: map[string]time.Time{}}
		c.seenBy[id] = s
	}
	return s
}

// acknowledged notes an order that the broker has taken.
func (c *Client) acknowledged(id broker.AccountID, a broker.Ack) {
	n, err := strconv.ParseInt(a.BrokerID, 10, 64)
	if err != nil || a.Status.Terminal() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seenOf(id).orders[n] = time.Now().Add(listLag)
}

// allOrders notes the orders of a list, and reports whether the list has all that it should.
func (c *Client) allOrders(id broker.AccountID, rows []liveOrder) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, listed := c.seenOf(id), map[int64]bool{}
	for _, row := range rows {
		listed[int64(row.ID)] = true
		delete(s.orders, int64(row.ID))
		if !statusOf(row.Status).Terminal() {
			s.orders[int64(row.ID)] = time.Time{}
		}
	}
	all := true
	for n, until := range s.orders {
		switch {
		case listed[n]:
		case until.IsZero() || time.Now().Before(until):
			all = false
		default:
			delete(s.orders, n)
		}
	}
	return all
}

// allExecutions notes the executions of a list, and reports whether the list has all that it should
// since a time.
func (c *Client) allExecutions(id broker.AccountID, rows []trade, from time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, listed := c.seenOf(id), map[string]bool{}
	for _, row := range rows {
		root, _ := ledger.ExecID(row.ID).Correction()
		listed[root] = true
		s.executions[root] = row.time()
	}
	for root, at := range s.executions {
		if !listed[root] && !at.Before(from) {
			return false
		}
	}
	return true
}
