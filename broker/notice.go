package broker

import (
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// Notice tells what an [Engine] has seen or done.
type Notice struct {
	Kind     NoticeKind         `json:"kind"`
	Time     time.Time          `json:"time"`
	Login    string             `json:"login"`
	Profile  accounts.ProfileID `json:"profile,omitempty"`
	Account  AccountID          `json:"account,omitempty"`
	OrderID  ledger.OrderID     `json:"order_id,omitempty"`
	BrokerID string             `json:"broker_id,omitempty"`
	ExecID   ledger.ExecID      `json:"exec_id,omitempty"`
	Reason   string             `json:"reason,omitempty"` // for people
}

// NoticeKind says what a notice is about.
type NoticeKind string

// The kinds of notice.
const (
	NoticeWorks       NoticeKind = "works"        // the process works the login from now on
	NoticeStandby     NoticeKind = "standby"      // the process does not work the login any longer
	NoticeSession     NoticeKind = "session"      // the session came to another state
	NoticeReady       NoticeKind = "ready"        // the account is in step with the broker
	NoticeNotReady    NoticeKind = "not_ready"    // the account is not, and why
	NoticeSent        NoticeKind = "sent"         // the broker has taken the order
	NoticeNotSent     NoticeKind = "not_sent"     // the broker does not have the order: its hold ends
	NoticeUnknown     NoticeKind = "unknown"      // whether the broker has the order is not known: its hold stays
	NoticeFound       NoticeKind = "found"        // an order of unknown outcome is at the broker
	NoticeEnded       NoticeKind = "ended"        // the order has ended, and its executions are booked
	NoticeOverdue     NoticeKind = "overdue"      // the broker says that an order filled more than its executions tell
	NoticeTwice       NoticeKind = "twice"        // the broker has two orders under one reference
	NoticeMismatch    NoticeKind = "mismatch"     // the broker's order or execution is not what was sent
	NoticeExternal    NoticeKind = "external"     // an order is at the broker that the library did not send
	NoticeOrphan      NoticeKind = "orphan"       // an order works at the broker whose hold has ended
	NoticeForeignFill NoticeKind = "foreign_fill" // an execution without an order of the library's was booked
	NoticeUnbooked    NoticeKind = "unbooked"     // an execution cannot be booked; the account is not ready
	NoticeUnpriced    NoticeKind = "unpriced"     // no quotes can be had: marks grow old; orders are sent all the same
	NoticeForeignRow  NoticeKind = "foreign_row"  // the broker answered with rows of another account, which are dropped
	NoticeGap         NoticeKind = "gap"          // executions of a span of time cannot be had from the broker
	NoticeBreak       NoticeKind = "break"        // a position differs from the broker's, and not for a moment
	NoticeBreakGone   NoticeKind = "break_gone"   // a position that differed is equal again
)
