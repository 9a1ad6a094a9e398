package broker

import (
	"errors"
	"fmt"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/invalid"
)

// The errors of a [Broker]. ErrInvalid and ErrOutcomeUnknown are those of package accounts.
var (
	ErrInvalid        = invalid.Err
	ErrOutcomeUnknown = accounts.ErrOutcomeUnknown

	// ErrRejected is returned where the broker surely does not have the order; a [*RejectionError]
	// has its words.
	ErrRejected = errors.New("the broker rejected the order")
	// ErrDuplicateRef is returned for an order whose Ref another order has, or had. That one may
	// work.
	ErrDuplicateRef = errors.New("the broker has an order under this reference")
	// ErrOrderNotFound is returned for the cancellation of an order that does not work.
	ErrOrderNotFound = errors.New("no such order works")
	// ErrForeignAccount is returned for an account that the login does not have.
	ErrForeignAccount = errors.New("the login does not have the account")
	// ErrNotConnected is returned while there is no session with the broker.
	ErrNotConnected = errors.New("not connected to the broker")
	// ErrCompeting is returned while the login is used by another session.
	ErrCompeting = errors.New("the login is used by another session")
	// ErrLoginNeeded is returned while a person has to log in.
	ErrLoginNeeded = errors.New("the broker wants a login")
	// ErrPaced is returned where the broker takes no more requests at the moment.
	ErrPaced = errors.New("the broker takes no more requests now")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the broker is closed")
)

// RejectionError is a rejection with the broker's words. It matches [ErrRejected].
type RejectionError struct {
	Ref    Ref    `json:"ref"`
	Reason string `json:"reason"` // the broker's words
}

func (e *RejectionError) Error() string {
	return fmt.Sprintf("order %.60q: %v: %.200q", e.Ref, ErrRejected, e.Reason)
}

// Unwrap returns [ErrRejected].
func (e *RejectionError) Unwrap() error { return ErrRejected }
