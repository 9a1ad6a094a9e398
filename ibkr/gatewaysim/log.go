package gatewaysim

import (
	"maps"
	"slices"
	"time"
)

// Request is a request that came. It has no secret: neither query nor body nor header.
type Request struct {
	Time    time.Time // by the market's clock
	Method  string
	Path    string // below /v1/api
	Route   Route  // empty for a path that the gateway does not know
	Account string // that the request names
	Status  int    // zero while there is no answer, and for a connection that a fault broke
	Faults  []FaultKind
}

// note remembers a request.
func (g *Gateway) note(c *call, method string) {
	c.entry = &Request{Time: g.market.now, Method: method, Path: c.path, Account: c.account()}
	if c.route != nil {
		c.entry.Route = c.route.pattern
		g.counts[c.route.pattern]++
	}
	if len(g.requests) >= g.config.LogSize {
		g.requests = slices.Delete(g.requests, 0, len(g.requests)/2+1)
	}
	g.requests = append(g.requests, c.entry)
}

// Requests returns the newest requests, at most [Config].LogSize, in the order in which they came.
func (g *Gateway) Requests() []Request {
	g.market.lock()
	defer g.market.mu.Unlock()
	list := make([]Request, len(g.requests))
	for n, r := range g.requests {
		list[n] = *r
		list[n].Faults = slices.Clone(r.Faults)
	}
	return list
}

// Counts returns how many requests came, by route, from the start.
func (g *Gateway) Counts() map[Route]int {
	g.market.lock()
	defer g.market.mu.Unlock()
	return maps.Clone(g.counts)
}
