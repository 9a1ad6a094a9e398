package gatewaysim

import (
	"net/http"
	"time"
)

// fields are those of the session's status.
func (g *Gateway) status() object {
	open := g.bridge.open
	return render("auth_status", object{
		"authenticated": open, "established": open, "competing": g.bridge.competing, "connected": !g.market.inMaintenance(), "message": "",
		"fail": g.bridge.failure(),
	})
}

// failure is why the session cannot be used, in the gateway's words; empty if it can.
func (b *bridge) failure() string {
	if b.open {
		return ""
	}
	return b.why
}

func (g *Gateway) authStatus(*call) reply { return ok(g.status()) }

// statusOfInit is the status without the field that ssodh/init and tickle leave out.
func (g *Gateway) statusOfInit() object {
	s := g.status()
	delete(s, "fail")
	return s
}

func (g *Gateway) initSession(c *call) reply {
	var body struct{ Publish, Compete bool }
	if !c.decode(&body) || !body.Publish {
		return failed(http.StatusInternalServerError, "failed to generate sso dh token")
	}
	switch {
	case g.market.inMaintenance():
		return failed(http.StatusServiceUnavailable, "Service Unavailable")
	case g.bridge.competing && !body.Compete:
	case g.bridge.open:
		clear(g.bridge.suppressed) // each init forgets them
		g.bridge.tickled = g.market.now
	default:
		g.openBridge()
	}
	return ok(g.statusOfInit())
}

func (g *Gateway) reauthenticate(*call) reply {
	if !g.bridge.open && !g.bridge.competing && !g.market.inMaintenance() {
		g.openBridge()
	}
	return ok(object{"message": "triggered"})
}

func (g *Gateway) tickle(*call) reply {
	if g.bridge.open {
		g.bridge.tickled = g.market.now
	}
	return ok(render("tickle", object{"session": g.login.session, "iserver": object{"authStatus": g.statusOfInit()}}))
}

func (g *Gateway) logout(*call) reply {
	g.loseBridge("logged out")
	g.bridge.competing = false
	g.login.portfolio = false
	return ok(object{"status": true})
}

func (g *Gateway) validate(*call) reply {
	kind := 2
	if g.config.Live {
		kind = 1
	}
	return ok(render("sso_validate", object{
		"USER_NAME": g.config.Username, "CREDENTIAL": g.config.Username, "PAPER_USER_NAME": g.config.Username, "LOGIN_TYPE": kind,
		"AUTH_TIME": g.login.at.UnixMilli(), "lastAccessed": g.market.now.UnixMilli(),
		"EXPIRES": int64(g.login.at.Add(loginLasts).Sub(g.market.now) / time.Millisecond),
	}))
}

func (g *Gateway) suppress(c *call) reply {
	var body struct{ MessageIDs []string }
	if !c.decode(&body) || len(body.MessageIDs) == 0 || len(body.MessageIDs) > maxSuppressed {
		return failed(http.StatusBadRequest, "Bad Request: messageIds")
	}
	for _, id := range body.MessageIDs {
		g.bridge.suppressed[id] = true
	}
	return ok(object{"status": "submitted"})
}

const maxSuppressed = 51

func (g *Gateway) unsuppress(*call) reply {
	clear(g.bridge.suppressed)
	return ok(object{"status": "submitted"})
}

func (g *Gateway) notification(*call) reply { return ok("Request was submitted") }
