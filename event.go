package accounts

import "time"

// EventKind says what an Event is about.
type EventKind string

// The kinds of event.
const (
	EventProfile  EventKind = "profile"  // a profile was created, updated or archived
	EventSwitched EventKind = "switched" // an owner's active profile changed
	EventRecorded EventKind = "recorded" // a profile's journal grew

	// The following are told by every process that has the profile's portfolio open, once what they
	// tell of is durable.

	EventRefused EventKind = "refused" // an order was refused
	EventWarning EventKind = "warning" // an order brought a limit to its warning level
	EventBreach  EventKind = "breach"  // a loss or drawdown came to another level
	EventState   EventKind = "state"   // trading was halted, reduced or resumed, by a person or a breach

	EventCredentials EventKind = "credentials" // credentials were accessed; see Portfolio.CredentialAccesses for what and by whom
	// EventCheckpointFailed tells that a portfolio could not save a checkpoint. Nothing is lost:
	// opening it takes longer until one is saved.
	EventCheckpointFailed EventKind = "checkpoint_failed"
)

// Event tells that something changed, in this process or another. It is a hint to look again; see
// Store.Watch for what is promised. Events carry no secrets and no amounts.
type Event struct {
	Kind      EventKind
	ProfileID ProfileID // for EventSwitched the new active profile, empty when there is none
	Owner     OwnerID
	Seq       int64     // for EventRecorded the journal's last sequence number at the time, 0 if not known; for those about orders and trading the entry's
	Time      time.Time // when it happened, UTC
	Err       error     // for EventCheckpointFailed
	Rule      Rule      // for EventRefused, EventWarning and EventBreach the first rule concerned, for EventState the cause
}
