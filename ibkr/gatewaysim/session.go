package gatewaysim

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"time"
)

// login is the web session: what a person has opened with a password and a second factor.
type login struct {
	session   string // the session's secret
	at        time.Time
	ended     bool
	portfolio bool // the list of accounts was asked for, as /portfolio wants
}

// bridge is the brokerage session. A new one knows nothing of what the last was asked.
type bridge struct {
	number     int
	open       bool
	competing  bool
	why        string
	tickled    time.Time
	selected   string
	accounts   bool            // /iserver/accounts was called
	preflights map[string]bool // accounts whose live orders were asked for
	filtered   bool            // orders were filtered, which silences the websocket's
	searched   map[int64]bool  // contracts whose derivatives can be looked up
	quoted     map[int64]bool  // contracts of which a snapshot was asked
	suppressed map[string]bool
}

// LogIn makes a new login, as a person does in a browser: a new web session, and an open brokerage
// session.
func (g *Gateway) LogIn() {
	g.market.lock()
	defer g.market.mu.Unlock()
	g.logIn()
}

func (g *Gateway) logIn() {
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails, by its documentation
	g.login = login{session: hex.EncodeToString(secret), at: g.market.now}
	g.openBridge()
}

// ExpireLogin ends the login: everything answers 401 until LogIn.
func (g *Gateway) ExpireLogin() {
	g.market.lock()
	defer g.market.mu.Unlock()
	g.expireLogin()
}

func (g *Gateway) expireLogin() {
	if g.login.ended {
		return
	}
	g.login.ended = true
	g.loseBridge("login expired")
	for s := range g.sockets {
		s.end()
	}
}

// openBridge opens a new brokerage session.
func (g *Gateway) openBridge() {
	g.question = nil
	g.bridge = bridge{
		number: g.bridge.number + 1, open: true, tickled: g.market.now, selected: g.first(),
		preflights: map[string]bool{}, searched: map[int64]bool{}, quoted: map[int64]bool{}, suppressed: map[string]bool{},
	}
	g.tellStatus()
}

// first returns the account that is selected where nobody has selected one.
func (g *Gateway) first() string {
	for _, a := range g.listed {
		if !a.ViewOnly {
			return a.ID
		}
	}
	return g.listed[0].ID
}

// loseBridge ends the brokerage session. The web session stays.
func (g *Gateway) loseBridge(why string) {
	if !g.bridge.open {
		return
	}
	g.bridge.open, g.bridge.why, g.question = false, why, nil
	g.tellStatus()
}

// KillSession ends the brokerage session, as an outage of IBKR's does.
func (g *Gateway) KillSession() {
	g.market.lock()
	defer g.market.mu.Unlock()
	g.loseBridge("")
}

// Compete takes the brokerage session for another program of the same login, until ssodh/init takes
// it back with compete:true, or EndCompeting.
func (g *Gateway) Compete() {
	g.market.lock()
	defer g.market.mu.Unlock()
	g.compete()
}

func (g *Gateway) compete() {
	g.bridge.competing = true
	g.loseBridge("competing")
	g.tellStatus()
}

// EndCompeting makes the other program leave. The brokerage session stays closed until ssodh/init.
func (g *Gateway) EndCompeting() {
	g.market.lock()
	defer g.market.mu.Unlock()
	g.bridge.competing = false
	g.tellStatus()
}

// settle notices sessions that have ended because time has passed.
func (g *Gateway) settle() {
	now := g.market.now
	if now.Sub(g.login.at) >= loginLasts {
		g.expireLogin()
	}
	if g.bridge.open && now.Sub(g.bridge.tickled) >= tickleBy {
		g.loseBridge("not tickled")
	}
	g.heartbeat()
}

// newDay is the reset of every night.
func (g *Gateway) newDay() {
	g.loseBridge("nightly reset")
	for _, a := range g.listed {
		a.newDay()
	}
	maps.DeleteFunc(g.refs, func(_ string, at time.Time) bool { return g.market.now.Sub(at) >= refLasts })
}

// SelectAccount selects an account behind the client's back, as another client of the session does.
func (g *Gateway) SelectAccount(id string) error {
	g.market.lock()
	defer g.market.mu.Unlock()
	return g.selectAccount(id)
}

func (g *Gateway) selectAccount(id string) error {
	if a := g.accounts[id]; a == nil || a.ViewOnly {
		return ErrUnknown
	}
	if g.bridge.selected != id {
		g.bridge.selected = id
		g.tellAccounts()
	}
	return nil
}
