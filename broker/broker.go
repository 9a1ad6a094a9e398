package broker

import (
	"context"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Broker is one login at a broker. It is safe for concurrent use. Every call but Status and Close
// ends with its context. Errors of every call:
//
//   - ErrNotConnected, ErrCompeting, ErrLoginNeeded: there is no session, and why; nothing was asked. Watch
//     needs no session;
//   - ErrPaced: the broker takes no more requests now; nothing was asked;
//   - ErrForeignAccount: the login does not have the account, or it is no whole account;
//   - ErrClosed after Close;
//   - the context's error. A Place or Cancel whose context ends after the first byte was sent returns
//     ErrOutcomeUnknown instead.
type Broker interface {
	// Accounts returns every account that the login can see.
	Accounts(ctx context.Context) (Answer[Account], error)
	// Positions returns what the account holds. A contract that is not listed is flat if the answer
	// is complete.
	Positions(ctx context.Context, account AccountID) (Answer[Position], error)
	// Cash returns the account's balances by currency. A currency that is not listed is zero if the
	// answer is complete.
	Cash(ctx context.Context, account AccountID) (Answer[Balance], error)
	// Orders returns the account's orders that work, and those that ended today or in this session,
	// by this program or another. A complete answer may lack orders that ended on an earlier day.
	Orders(ctx context.Context, account AccountID) (Answer[Order], error)
	// Executions returns the account's executions since a time, that time included, as far back as
	// the broker goes, ordered by their times. A corrected execution comes once, under its newest
	// id. A correction keeps the time of the execution, and so does a commission that is told
	// later: look back as far as either may come.
	Executions(ctx context.Context, account AccountID, since time.Time) (Executions, error)

	// Place sends an order, once. It does not wait for fills. Errors besides those above:
	//   - ErrRejected (a *RejectionError): the broker does not have the order, and why;
	//   - ErrDuplicateRef: the broker has, or had, an order of the same Ref, in any account of the login.
	//     Nothing was placed now, and the order of before may work. No broker remembers for ever: do not rely
	//     on this error for placing an order once;
	//   - ErrOutcomeUnknown: the broker may have the order. Look it up in Orders and Executions;
	//   - ErrInvalid, ledger.ErrInexact: the ticket is wrong; see [Ticket.Validate].
	// After any error but ErrOutcomeUnknown and ErrDuplicateRef, the broker has no order under the Ref. After
	// either of the two, it may.
	Place(ctx context.Context, account AccountID, t Ticket) (Ack, error)
	// Cancel asks for the cancellation of the order that was placed under a Ref. No error says that
	// this was asked, and not that it is done: the order may still fill. Errors besides those
	// above: ErrOrderNotFound for a Ref that works no order, ErrOutcomeUnknown if it may not have
	// been asked.
	Cancel(ctx context.Context, account AccountID, ref Ref) error
	// CancelByID is Cancel by the broker's own id, for an order that was placed without a Ref, and
	// for one of two that have the same. Ids may be used again on another day: take the id from
	// Orders just before.
	CancelByID(ctx context.Context, account AccountID, brokerID string) error

	// Quotes returns a quote for each contract that the broker has a price of, in the order of the
	// contracts. Of the others there is none. The quotes are the caller's.
	Quotes(ctx context.Context, contracts []ledger.Instrument) ([]Quote, error)

	// Watch returns a channel of hints that is closed when the context ends or the broker is
	// closed. Each call has a channel of its own, which tells of every state of the session, usable
	// or not. Events may come late, twice or merged, and are dropped where nobody reads: poll
	// besides. The first event is EventSession. Errors: ErrClosed, the context's error.
	Watch(ctx context.Context) (<-chan Event, error)
	// Status returns the state of the session. It does no I/O.
	Status() Status
	// Close ends the session and every goroutine of the broker's. It cancels no order. Calling it
	// again does nothing.
	Close() error
}

// Status is the state of a session.
type Status struct {
	Session SessionState `json:"session"`
	Since   time.Time    `json:"since"`            // when the session came to be in the state
	Reason  string       `json:"reason,omitempty"` // the broker's words, if there are any; no secret
	// Reset is when the broker ends the session next, as it does every night; zero if not known. An
	// order that is on its way then may have no answer.
	Reset time.Time `json:"reset,omitzero"`
}

// Usable reports whether orders can be placed.
func (s Status) Usable() bool { return s.Session == SessionUsable }

// SessionState says whether a session can be used.
type SessionState string

// The states of a session.
const (
	SessionUsable       SessionState = "usable"
	SessionDisconnected SessionState = "disconnected" // being connected again; ErrNotConnected
	SessionCompeting    SessionState = "competing"    // the login is used elsewhere; ErrCompeting
	SessionLoginNeeded  SessionState = "login_needed" // a person has to log in; ErrLoginNeeded
	SessionClosed       SessionState = "closed"
)

// Err returns the error of calls in the state; nil if the session can be used.
func (s SessionState) Err() error {
	switch s {
	case SessionUsable:
		return nil
	case SessionCompeting:
		return ErrCompeting
	case SessionLoginNeeded:
		return ErrLoginNeeded
	case SessionClosed:
		return ErrClosed
	}
	return ErrNotConnected
}
