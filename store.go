package accounts

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Store keeps profiles and journals. It decides nothing about trading: it accepts an entry only
// at the next sequence number and under a key that is new, and keeps what it accepted, byte for
// byte. That is all the library needs for atomicity, idempotency and several processes on one
// profile.
//
// What holds for every method:
//
//   - Safe for concurrent use. Calls on one profile are linearizable.
//   - Atomic: a call that returns an error changed nothing, unless the error is ErrOutcomeUnknown;
//     then the call changed everything, or nothing, or will yet. A write is not cancelled when its
//     context ends, because a cancelled commit may be durable on one server and lost on the next: the
//     write runs to its end, and its caller leaves with ErrOutcomeUnknown and the context's error.
//   - Where the place that keeps the data cannot be reached, and nothing was changed, the error is
//     ErrUnavailable. The same call may be made again.
//   - A context that is already done is refused with the context's error before anything happens.
//   - Values never alias: the store keeps copies of what it is given and returns copies of what
//     it keeps, down to the payload bytes.
//   - Times are cut off, not rounded, to microseconds, and returned in UTC: the hash of an entry
//     covers its time.
//   - After Close every method returns ErrClosed.
//
// Package storetest has the conformance suite: one test per sentence of this file.
type Store interface {
	// CreateProfile stores a new profile exactly as given. ErrProfileExists when the id is taken,
	// ErrNameTaken when another profile of the same owner, archived ones included, has the name.
	CreateProfile(ctx context.Context, p AccountProfile) error

	// UpdateProfile replaces the profile with p.ID if the stored Version equals p.Version, and
	// stores it with Version+1. ErrProfileNotFound on a miss, ErrConflict on any other version,
	// ErrNameTaken as for CreateProfile, in this order of precedence. Owner, CreatedAt and
	// LastUsedAt never change by it: a different Owner is a miss, a different CreatedAt or
	// LastUsedAt is ignored.
	UpdateProfile(ctx context.Context, p AccountProfile) error

	// Profile returns the profile with the id, in any status. It returns ErrProfileNotFound on a
	// miss.
	Profile(ctx context.Context, id ProfileID) (AccountProfile, error)

	// Profiles returns the profiles that match the filter, in ascending order of id; none is an
	// empty slice and no error.
	Profiles(ctx context.Context, f ProfileFilter) ([]AccountProfile, error)

	// SetActiveProfile makes id the owner's active profile and sets that profile's LastUsedAt to
	// at, without changing its Version. An empty id leaves the owner without an active profile
	// and touches no profile. ErrProfileNotFound when the owner has no profile with the id.
	// Repeating it is not an error.
	SetActiveProfile(ctx context.Context, owner OwnerID, id ProfileID, at time.Time) error

	// ActiveProfile returns the id last set for the owner. ErrNoActiveProfile when there is none.
	ActiveProfile(ctx context.Context, owner OwnerID) (ProfileID, error)

	// Append adds the batch's entries to the profile's journal, all or none, behind the entry that
	// Batch.After and Batch.Hash name. When Append returns nil, the batch's entries and all entries
	// before them are as durable as the store ever makes them. A batch without entries adds none,
	// and is refused or accepted by the same rules: nil says that the journal ends where the batch
	// says, and that all of the journal is as durable as the store ever makes it.
	//
	// Append is never undone half-way: what is under way goes on when the context ends, and Append
	// then returns ErrOutcomeUnknown with the context's error.
	//
	// Errors, in the order of precedence:
	//   - ErrProfileNotFound when there is no such profile;
	//   - ErrInvalid when an entry belongs to another profile, when sequence numbers do not run on
	//     from Batch.After without a gap, when an entry's Prev is not the hash before it, or when
	//     the batch repeats a key within itself;
	//   - ErrConflict when the journal's last entry does not have the number Batch.After and the hash
	//     Batch.Hash;
	//   - a *DuplicateError (ErrDuplicate) that lists those of the batch's non-empty keys which the
	//     journal has already, with their sequence numbers, in the batch's order.
	// ErrUnavailable says that nothing was written, and that the same batch may be appended again.
	Append(ctx context.Context, b Batch) error

	// AppendLocked locks the profile's journal, so that no other append gets in between, and calls
	// decide with the entries above after, in ascending order without a gap. It appends the batch
	// that decide returns, as Append does and with the errors of Append, and unlocks the journal.
	// An error of decide's is returned as it is, and nothing is appended.
	//
	// Waiting for the lock ends with the context, and the context's error says that nothing was
	// written. Other appends to the journal wait, or end with their own contexts. They must not
	// wait for ever: the lock ends with the process that holds it. decide must read tail before it
	// returns, if at all, must not append to the journal, and should be quick. Reading the journal
	// within decide does not wait for the lock.
	AppendLocked(ctx context.Context, id ProfileID, after int64, decide func(tail iter.Seq2[Entry, error]) (Batch, error)) error

	// Entries yields the profile's entries with a sequence number above after, in ascending order
	// without a gap, as of some moment not before the call. A profile without such entries yields
	// nothing; an unknown profile yields ErrProfileNotFound. An error is yielded once, as the last
	// pair, with a zero Entry. The iteration stops with the context's error when the context ends.
	// Breaking out early is allowed and releases what the iteration held.
	Entries(ctx context.Context, id ProfileID, after int64) iter.Seq2[Entry, error]

	// Lookup returns, by key, the sequence numbers of the entries of the profile's journal that
	// have one of the keys, as of some moment not before the call. A key that the journal lacks is
	// absent. The map may be empty, and is never nil. The empty key and repeats are ignored. It
	// returns ErrProfileNotFound when there is no such profile, with or without keys. Its cost is
	// in proportion to the number of keys, and not to the length of the journal.
	Lookup(ctx context.Context, id ProfileID, keys []string) (map[string]int64, error)

	// SaveCheckpoint keeps a checkpoint of the profile in its slot, from 0 to MaxSlot; ErrInvalid
	// for another slot. An older one than the stored of the slot (by Seq) is ignored without an
	// error; the same Seq replaces it. ErrProfileNotFound on a miss.
	SaveCheckpoint(ctx context.Context, c Checkpoint) error

	// Checkpoint returns the profile's newest checkpoint, of any slot, whose Seq is upTo or less.
	// ErrNoCheckpoint when there is none, ErrProfileNotFound when there is no such profile.
	Checkpoint(ctx context.Context, id ProfileID, upTo int64) (Checkpoint, error)

	// Watch returns a channel of changes from now on, in every process that uses the store:
	// EventProfile, EventSwitched and EventRecorded, each with its Owner. Events are hints to look
	// again, and no log. A slow reader finds several events of one kind about one profile (for
	// switches, one owner) merged into the newest, but never misses the newest. Events of one
	// profile arrive in the order of their sequence numbers. The channel is closed when ctx ends or
	// the store is closed.
	Watch(ctx context.Context) (<-chan Event, error)

	// Ping returns nil when the store can be reached and used, or else the reason. It asks the
	// place where the data is, and does not answer from memory. It changes nothing.
	Ping(ctx context.Context) error

	// Close releases the resources that the store itself opened, never a pool that was handed in,
	// and closes the channels of Watch. A second Close returns nil.
	Close() error
}

// ProfileFilter selects profiles. Zero fields select everything.
type ProfileFilter struct {
	Owner    *OwnerID        `json:"owner,omitempty"` // only this owner's, nil for every owner's
	Statuses []ProfileStatus `json:"statuses"`        // only these
	Levels   []CapitalLevel  `json:"levels"`          // only these
	After    ProfileID       `json:"after,omitempty"` // only ids above it: the last id of the page before
	Limit    int             `json:"limit,omitempty"` // at most so many; zero or less for no limit

	IBKRAccountID string `json:"ibkr_account_id,omitempty"` // only those with this account at the broker, empty for any
}

// Matches reports whether the profile passes every field but Limit.
func (f ProfileFilter) Matches(p AccountProfile) bool {
	return (f.Owner == nil || *f.Owner == p.Owner) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, p.Status)) &&
		(len(f.Levels) == 0 || slices.Contains(f.Levels, p.CapitalLevel)) &&
		(f.After == "" || p.ID > f.After) &&
		(f.IBKRAccountID == "" || f.IBKRAccountID == p.IBKRAccountID)
}

// Batch is what one Append adds to one journal. The store copies what it keeps: the caller may
// reuse every slice once Append has returned, unless Append returned ErrOutcomeUnknown.
type Batch struct {
	ProfileID ProfileID         `json:"profile_id"`
	After     int64             `json:"after"`     // the number of the entry that the journal must end with; 0 for an empty journal
	Hash      Hash              `json:"hash"`      // that entry's hash; zero for an empty journal
	Entries   []Entry           `json:"entries"`   // numbered After+1, After+2, …
	Positions []ledger.Position `json:"positions"` // as they stand after the batch, without lots; only those that changed

	first    *Entry    // the first of the entries that hold the payloads, nil for whoever else makes a batch
	payloads []payload // what the entries were made of
}

// Decode returns what Entries[i] holds, for i from 0 to the number of entries less one; its errors
// are those of Entry.Decode. Entries that a portfolio made are not read for that: what they were
// made of is returned, which is the portfolio's. A store uses it before Append returns, changes
// nothing of it, and keeps none. A store must not change a portfolio's entries in place: Decode
// would not see the change. It sees that of a copy.
func (b *Batch) Decode(i int) (any, error) {
	if b.first == &b.Entries[0] && len(b.payloads) == len(b.Entries) {
		return b.payloads[i], nil
	}
	return b.Entries[i].Decode()
}

// Check returns ErrInvalid unless the entries belong to the batch's profile, run on from After
// without a gap, each with the hash of the one before in Prev, and repeat no key.
func (b *Batch) Check() error {
	prev := b.Hash
	for i := range b.Entries {
		e := &b.Entries[i]
		switch want := b.After + 1 + int64(i); {
		case e.ProfileID != b.ProfileID:
			return fmt.Errorf("%w batch for profile %q: entry %d belongs to profile %q",
				ErrInvalid, b.ProfileID, e.Seq, e.ProfileID)
		case e.Seq != want:
			return fmt.Errorf("%w batch for profile %q: entry %d in the place of %d", ErrInvalid, b.ProfileID, e.Seq, want)
		case e.Prev != prev:
			return fmt.Errorf("%w batch for profile %q: entry %d does not continue the one before", ErrInvalid, b.ProfileID, e.Seq)
		}
		prev = e.Hash
	}
	if len(b.Entries) < 2 {
		return nil // the common case, spared the map
	}
	seen := make(map[string]struct{}, len(b.Entries))
	for i := range b.Entries {
		key := b.Entries[i].Key
		if _, repeated := seen[key]; repeated && key != "" {
			return fmt.Errorf("%w batch for profile %q: key %q occurs twice", ErrInvalid, b.ProfileID, key)
		}
		seen[key] = struct{}{}
	}
	return nil
}

// Checkpoint is a folded book at one sequence number. It is a convenience: the book can always be
// folded again from the journal.
type Checkpoint struct {
	ProfileID ProfileID `json:"profile_id"`
	Slot      int       `json:"slot"`  // which older checkpoint it replaces
	Seq       int64     `json:"seq"`   // the last entry folded in
	Hash      Hash      `json:"hash"`  // that entry's hash
	State     []byte    `json:"state"` // the book, versioned; opaque to a store
}

// MaxSlot is the highest slot of a checkpoint.
const MaxSlot = 62
