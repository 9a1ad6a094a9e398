package gatewaysim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// statusMessage tells the state of the session.
func (g *Gateway) statusMessage() object {
	return object{"topic": "sts", "args": object{"authenticated": g.bridge.open, "competing": g.bridge.competing, "connected": !g.market.inMaintenance(),
		"message": "", "fail": g.bridge.failure(), "serverName": "GatewaySim", "serverVersion": "Build 1.0.0, simulated",
		"username": g.config.Username}}
}

// tellStatus tells the state of the session to all sockets. A session that has ended takes what
// they were subscribed to with it.
func (g *Gateway) tellStatus() {
	for s := range g.sockets {
		if !g.bridge.open {
			s.orders, s.trades = false, false
			clear(s.quotes)
			clear(s.told)
			clear(s.rows)
		}
		if s.known {
			s.send("", g.statusMessage())
		}
	}
}

// tellAccounts tells which account is selected.
func (g *Gateway) tellAccounts() {
	for s := range g.sockets {
		if s.known {
			s.send("", object{"topic": "act", "args": g.accountsBody()})
		}
	}
}

// Notify sends a notice to every websocket, as IBKR does before an outage or where a person has to
// agree to something.
func (g *Gateway) Notify(title, text string) {
	g.market.lock()
	defer g.market.mu.Unlock()
	for s := range g.sockets {
		if s.known {
			s.send("", object{"topic": "ntf", "args": object{"id": newID(), "title": title, "text": text}})
		}
	}
}

// Prompt is a question that the gateway asks on the websocket, outside of an order's placement.
type Prompt struct {
	OrderID   int64 // of the order that the question is about
	MessageID string
	Text      string
	Options   []string // the answers that there are
}

// SendPrompt sends a prompt to every websocket. Whoever wants to answer does so at
// /iserver/notification, with the id that is returned. The order stays as it is.
func (g *Gateway) SendPrompt(p Prompt) (id string) {
	g.market.lock()
	defer g.market.mu.Unlock()
	id = newID()
	for s := range g.sockets {
		if s.known {
			s.send("", object{"topic": "ntf", "args": []object{{"orderId": p.OrderID, "reqId": id, "messageId": p.MessageID, "type": "M", "prompt": true,
				"dismissable": []string{}, "options": p.Options, "text": p.Text}}})
		}
	}
	return id
}

// Streamed returns the contracts whose quotes are told on a websocket, by their ids.
func (g *Gateway) Streamed() []int64 {
	g.market.lock()
	defer g.market.mu.Unlock()
	return g.streamed()
}

func (g *Gateway) streamed() []int64 {
	ids := map[int64]bool{}
	for s := range g.sockets {
		for id := range s.quotes {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// heartbeat says that the gateway is there, if it is time.
func (g *Gateway) heartbeat() {
	for s := range g.sockets {
		if s.known && g.market.now.Sub(s.lastHB) >= heartbeatEvery {
			s.lastHB = g.market.now
			s.send("", object{"topic": "system", "hb": g.market.now.UnixMilli()})
		}
	}
}

// hears reports whether the streams of orders and executions are about an account.
func (g *Gateway) hears(a *account) bool { return !g.config.SelectedOnly || a.ID == g.bridge.selected }

// tellOrder tells what has changed in an order: the whole row the first time.
func (g *Gateway) tellOrder(o *order) {
	g.happened()
	for s := range g.sockets {
		if s.orders && g.hears(o.account) && !g.bridge.filtered {
			s.send(o.account.ID, object{"topic": "sor", "args": []object{s.change(o)}})
		}
	}
}

// change returns the fields of an order's row that differ from those told last, with those that
// name it.
func (s *socket) change(o *order) object {
	row, before := o.row(), s.rows[o]
	s.rows[o] = row
	if o.status.Terminal() { // it changes no more, but by corrections
		delete(s.rows, o)
	}
	out := object{}
	for k, v := range row {
		if old, found := before[k]; !found || old != v || k == "acct" || k == "account" || k == "orderId" || k == "conid" {
			out[k] = v
		}
	}
	return out
}

// tellAllOrders tells the live orders, as a subscription begins.
func (s *socket) tellAllOrders() {
	rows, today := []object{}, s.g.market.startOfDay(0)
	for _, a := range s.g.listed {
		for _, o := range a.orders {
			if s.g.hears(a) && (!o.status.Terminal() || !o.changed.Before(today)) {
				rows = append(rows, s.change(o))
			}
		}
	}
	if len(rows) > 0 && !s.g.bridge.filtered {
		s.send("", object{"topic": "sor", "args": rows})
	}
}

// tellExecution tells an execution.
func (g *Gateway) tellExecution(e *execution) {
	g.happened()
	for s := range g.sockets {
		if s.trades && g.hears(e.order.account) {
			s.send(e.order.account.ID, object{"topic": "str", "args": []object{e.row()}})
		}
	}
}

// tellTrades tells the executions of some days, as a subscription begins that wants them.
func (s *socket) tellTrades(arguments string) {
	var body struct {
		Days         int
		RealtimeOnly bool `json:"realtimeUpdatesOnly"`
	}
	if arguments != "" && json.Unmarshal([]byte(arguments), &body) != nil || body.RealtimeOnly {
		return
	}
	rows, since := []object{}, s.g.market.startOfDay(min(max(body.Days, 1), maxDays)-1)
	for _, a := range s.g.listed {
		for _, e := range a.executions {
			if s.g.hears(a) && !e.at.Before(since) {
				rows = append(rows, e.row())
			}
		}
	}
	if len(rows) > 0 {
		s.send("", object{"topic": "str", "args": rows})
	}
}

// tellQuote tells a contract's new quote.
func (g *Gateway) tellQuote(conid int64) {
	for s := range g.sockets {
		if s.quotes[conid] != nil {
			s.tellQuote(conid)
		}
	}
}

// tellQuote tells the fields of a contract's quote that have changed.
func (s *socket) tellQuote(conid int64) {
	q, c := s.g.market.quotes[conid], s.g.market.contracts[conid]
	if q == nil {
		return
	}
	message := object{}
	for k, v := range s.fresh(conid, s.g.ticks(c, q)) {
		if slices.Contains(s.quotes[conid], k) || k == "6509" {
			message[k] = v
		}
	}
	if len(message) == 0 {
		return
	}
	id := strconv.FormatInt(conid, 10)
	message["topic"], message["conid"], message["conidEx"], message["server_id"], message["6119"] = "smd+"+id, conid, id, "q0", "q0"
	message["_updated"] = q.at.UnixMilli()
	s.send("", message)
}

// fresh returns the fields of a quote that differ from those told last.
func (s *socket) fresh(conid int64, ticks object) object {
	before, out := s.told[conid], object{}
	s.told[conid] = ticks
	for k, v := range ticks {
		if old, found := before[k]; !found || old != v {
			out[k] = v
		}
	}
	return out
}
