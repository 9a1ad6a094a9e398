package accounts

import (
	"errors"
	"fmt"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Sentinel errors. Every error of the library wraps one of these, or an error of the caller's own
// context, store or hook. Test with errors.Is.
var (
	// ErrProfileNotFound is returned when no profile has the id, or the profile belongs to another
	// owner than the context's.
	ErrProfileNotFound = errors.New("profile not found")

	// ErrProfileExists is returned when a profile is created with an id that is taken.
	ErrProfileExists = errors.New("profile already exists")

	// ErrNameTaken is returned when a profile is created with, or renamed to, the name of another
	// profile of the same owner.
	ErrNameTaken = errors.New("profile name already taken")

	// ErrAccountTaken is returned when a profile would become the second active one of its owner
	// with the same account at the broker. See AllowSharedAccounts.
	ErrAccountTaken = errors.New("account already has an active profile")

	// ErrConflict is returned by UpdateProfile for an old Version, by Store.Append when the journal
	// has moved on, and by a store on PostgreSQL when the server broke off every one of many tries
	// for others' sake. Nothing was changed: read again and decide again.
	ErrConflict = errors.New("conflict with a concurrent change")

	// ErrFutureTime is returned for a fact dated later than the clock allows.
	ErrFutureTime = errors.New("time lies in the future")

	// ErrProfileNotActive is returned by SwitchProfile and ActiveProfile for a profile that is
	// inactive, suspended or archived, and by UpdateProfile for an archived one.
	ErrProfileNotActive = errors.New("profile is not active")

	// ErrAmbiguous is returned by ProfileByAccount when several profiles have the account.
	ErrAmbiguous = errors.New("account belongs to several profiles")

	// ErrNoActiveProfile is returned by ActiveProfile when the owner never switched to a profile.
	ErrNoActiveProfile = errors.New("no active profile")

	// ErrOwnerRequired is returned when the manager was made with RequireOwner and the context
	// names no owner.
	ErrOwnerRequired = errors.New("context names no owner")

	// ErrDispatched is returned for an order that was, or is about to be, sent to the broker.
	ErrDispatched = errors.New("order was sent, or is about to be")

	// ErrFenced is returned to a process whose lease has passed to another.
	ErrFenced = errors.New("the lease has passed to another process")

	// ErrExecutionNotFound is returned when a cancellation names an execution that is not in the
	// journal.
	ErrExecutionNotFound = errors.New("execution not found")

	// ErrOutOfOrder is returned when a statement is imported after one of a later period, which had
	// to open with balances that contain the earlier statement: both together would count it twice.
	ErrOutOfOrder = errors.New("statement is older than what the book begins with")

	// ErrNoMark is returned when equity is not known because a mark or a conversion rate is
	// missing. The error is a *MissingError that lists them.
	ErrNoMark = errors.New("mark or rate missing")

	// ErrDuplicate is returned by Store.Append when the journal already has an entry with one of
	// the batch's keys. The error is a *DuplicateError.
	ErrDuplicate = errors.New("entry key already in the journal")

	// ErrOutcomeUnknown is returned when a context ended or a connection was lost during a write.
	// The write may or may not be durable. Record facts again, which is safe; read a profile again.
	ErrOutcomeUnknown = errors.New("outcome unknown")

	// ErrUnavailable is returned when the place that keeps the data cannot be reached, or takes no
	// writes. Nothing was changed: the same call may be made again.
	ErrUnavailable = errors.New("store is unavailable")

	// ErrCorrupt is returned when a journal has a gap, a broken hash chain or a payload that
	// cannot be read, and when a journal lacks entries that were durable, or has others in their
	// place. The error is a *CorruptError.
	ErrCorrupt = errors.New("journal is corrupt")

	// ErrNoCheckpoint is returned by Store.Checkpoint when none was saved.
	ErrNoCheckpoint = errors.New("no checkpoint")

	// ErrCredentialsNotFound is returned when a CredentialStore has nothing of the kind under the
	// key, and by Credentials for an archived profile.
	ErrCredentialsNotFound = errors.New("credentials not found")

	// ErrLoginShared is returned by DeleteCredentials for a login that other profiles name. The
	// text names them.
	ErrLoginShared = errors.New("login is shared")

	// ErrNoCredentialStore is returned by the credential methods of a manager made without one.
	ErrNoCredentialStore = errors.New("no credential store configured")

	// ErrRefused is returned for an order that breaks a rule. The error is a *RefusalError that
	// lists every one.
	ErrRefused = errors.New("order refused")

	// ErrUndecided is returned, with ErrRefused, for an order that is refused for nothing but
	// marks, rates or equity that are missing or old. The order's ID is not decided: once they are
	// known, the same order may be reserved, or its signal routed, again.
	ErrUndecided = errors.New("order cannot be decided yet")

	// ErrStillHeld is returned by Route under AllOrNone for an order that is held, or may be,
	// although not every profile took the signal. It is not to be sent. Route the signal again, or
	// Release the order once the broker does not have it.
	ErrStillHeld = errors.New("order is still held")

	// ErrOrderNotFound is returned by Release for an order that was never held, and by Dispatch for
	// one that is not held any longer either.
	ErrOrderNotFound = errors.New("order not found")

	// ErrLeased is returned by LeaseStore.Lease while another holder has the lease. The error is a
	// *LeasedError.
	ErrLeased = errors.New("another holder has the lease")

	// ErrClosed is returned by every method of a manager or store after Close, and by every command
	// of a portfolio after its manager's Close.
	ErrClosed = errors.New("closed")
)

// Errors of the packages below, under the names that callers of this package use.
var (
	// ErrInvalid is returned for input that no state of the system could accept. Where several
	// fields can be wrong, the error is a *ValidationError.
	ErrInvalid = invalid.Err

	// ErrInvalidDecimal is returned for a text that is not a plain decimal number in range.
	ErrInvalidDecimal = ledger.ErrInvalidDecimal

	// ErrInexact is returned for quantities, prices, multipliers or ratios whose product would not
	// be exact.
	ErrInexact = ledger.ErrInexact

	// ErrCurrencyMismatch is returned for an amount or a rate in another currency than its contract
	// or account needs.
	ErrCurrencyMismatch = ledger.ErrCurrencyMismatch

	// ErrExecutionMismatch is returned for a correction that names another contract than the
	// execution it corrects.
	ErrExecutionMismatch = ledger.ErrExecutionMismatch

	// ErrIDReused is returned for a fact or an order with the id of another one in the journal that
	// states something else. The same fact again is no error. See ledger.Differences.
	ErrIDReused = ledger.ErrIDReused

	// ErrPositionNotFound is returned for a split of a contract that is not held.
	ErrPositionNotFound = ledger.ErrPositionNotFound
)

// ValidationError lists every wrong field at once. It matches ErrInvalid.
type ValidationError = invalid.Error

// Duplicate is an entry key that the journal has already, and the number of its entry.
type Duplicate struct {
	Key string `json:"key"`
	Seq int64  `json:"seq"`
}

// DuplicateError lists every key of a refused batch that the journal has already. It matches
// ErrDuplicate.
type DuplicateError struct {
	ProfileID  ProfileID   `json:"profile_id"`
	Duplicates []Duplicate `json:"duplicates"`
}

// Error names the profile, the count and the first key.
func (e *DuplicateError) Error() string {
	if len(e.Duplicates) == 0 {
		return fmt.Sprintf("profile %q: %v", e.ProfileID, ErrDuplicate)
	}
	return fmt.Sprintf("profile %q: %d of the batch's keys are in the journal already, first %q at %d",
		e.ProfileID, len(e.Duplicates), e.Duplicates[0].Key, e.Duplicates[0].Seq)
}

// Unwrap returns ErrDuplicate.
func (e *DuplicateError) Unwrap() error { return ErrDuplicate }

// CorruptError names the entry from which on a journal cannot be trusted, and why. It matches
// ErrCorrupt.
type CorruptError struct {
	ProfileID ProfileID `json:"profile_id"`
	Seq       int64     `json:"seq"`
	Reason    string    `json:"reason"`
}

// Error names profile, sequence number and reason.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("journal of profile %q, entry %d: %s", e.ProfileID, e.Seq, e.Reason)
}

// Unwrap returns ErrCorrupt.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

// MissingError lists the marks and rates without which equity is not known. It matches ErrNoMark.
type MissingError struct {
	ProfileID ProfileID              `json:"profile_id"`
	Marks     []ledger.InstrumentKey `json:"marks"` // open positions without a mark
	Rates     []ledger.Currency      `json:"rates"` // currencies without a conversion rate to base
}

// Error lists what is missing.
func (e *MissingError) Error() string {
	text := fmt.Sprintf("profile %q:", e.ProfileID)
	if len(e.Marks) > 0 {
		text += fmt.Sprintf(" no mark for %v", e.Marks)
	}
	if len(e.Rates) > 0 {
		text += fmt.Sprintf(" no rate for %v", e.Rates)
	}
	return text
}

// Unwrap returns ErrNoMark.
func (e *MissingError) Unwrap() error { return ErrNoMark }

// RefusalError is a refused order. It matches ErrRefused, and ErrUndecided where nothing but what
// is not known speaks against the order.
type RefusalError struct {
	ProfileID ProfileID     `json:"profile_id"`
	Decision  risk.Decision `json:"decision"`
}

// Error names the profile and every violation.
func (e *RefusalError) Error() string { return fmt.Sprintf("profile %q: %s", e.ProfileID, e.Decision) }

// Unwrap returns ErrRefused.
func (e *RefusalError) Unwrap() error { return ErrRefused }

// Is reports whether target is ErrUndecided and the order may be decided again.
func (e *RefusalError) Is(target error) bool {
	return target == ErrUndecided && e.Decision.Undecided()
}
