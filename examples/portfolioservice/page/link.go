package page

import (
	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
)

// linked is how an account stands at the broker.
type linked struct {
	Works   bool // this process works the login
	Session broker.SessionState
	broker.AccountStatus
}

// links are what engines said in the course of one request: each is asked once.
type links map[httpapi.Engine]broker.EngineStatus

// of returns how an account stands at its engine; false if the engine does not know the account.
func (l *links) of(engine httpapi.Engine, id accounts.ProfileID) (linked, bool) {
	if *l == nil {
		*l = links{}
	}
	status, asked := (*l)[engine]
	if !asked {
		status = engine.Status()
		(*l)[engine] = status
	}
	for _, a := range status.Accounts {
		if a.Profile == id {
			return linked{status.Works, status.Session.Session, a}, true
		}
	}
	return linked{}, false
}
