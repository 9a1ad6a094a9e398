package storetest

import (
	"context"
	"iter"
	"time"

	"github.com/ai-ots/accounts"
)

// broken is a store with some methods replaced; a nil one is the sound store's.
type broken struct {
	accounts.Store
	create     func(context.Context, accounts.AccountProfile) error
	update     func(context.Context, accounts.AccountProfile) error
	profile    func(context.Context, accounts.ProfileID) (accounts.AccountProfile, error)
	profiles   func(context.Context, accounts.ProfileFilter) ([]accounts.AccountProfile, error)
	setActive  func(context.Context, accounts.OwnerID, accounts.ProfileID, time.Time) error
	active     func(context.Context, accounts.OwnerID) (accounts.ProfileID, error)
	append     func(context.Context, accounts.Batch) error
	locked     func(context.Context, accounts.ProfileID, int64, decision) error
	entries    func(context.Context, accounts.ProfileID, int64) iter.Seq2[accounts.Entry, error]
	lookup     func(context.Context, accounts.ProfileID, []string) (map[string]int64, error)
	save       func(context.Context, accounts.Checkpoint) error
	checkpoint func(context.Context, accounts.ProfileID, int64) (accounts.Checkpoint, error)
	watch      func(context.Context) (<-chan accounts.Event, error)
	ping       func(context.Context) error
	close      func() error
}

// or returns the replacement if there is one.
func or[F any](replaced bool, replacement, sound F) F {
	if replaced {
		return replacement
	}
	return sound
}

func (b *broken) CreateProfile(ctx context.Context, p accounts.AccountProfile) error {
	return or(b.create != nil, b.create, b.Store.CreateProfile)(ctx, p)
}

func (b *broken) UpdateProfile(ctx context.Context, p accounts.AccountProfile) error {
	return or(b.update != nil, b.update, b.Store.UpdateProfile)(ctx, p)
}

func (b *broken) Profile(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
	return or(b.profile != nil, b.profile, b.Store.Profile)(ctx, id)
}

func (b *broken) Profiles(ctx context.Context, f accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
	return or(b.profiles != nil, b.profiles, b.Store.Profiles)(ctx, f)
}

func (b *broken) SetActiveProfile(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
	return or(b.setActive != nil, b.setActive, b.Store.SetActiveProfile)(ctx, owner, id, at)
}

func (b *broken) ActiveProfile(ctx context.Context, owner accounts.OwnerID) (accounts.ProfileID, error) {
	return or(b.active != nil, b.active, b.Store.ActiveProfile)(ctx, owner)
}

func (b *broken) Append(ctx context.Context, batch accounts.Batch) error {
	return or(b.append != nil, b.append, b.Store.Append)(ctx, batch)
}

func (b *broken) AppendLocked(ctx context.Context, id accounts.ProfileID, after int64, decide func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error)) error {
	return or(b.locked != nil, b.locked, b.Store.AppendLocked)(ctx, id, after, decide)
}

func (b *broken) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return or(b.entries != nil, b.entries, b.Store.Entries)(ctx, id, after)
}

func (b *broken) Lookup(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
	return or(b.lookup != nil, b.lookup, b.Store.Lookup)(ctx, id, keys)
}

func (b *broken) SaveCheckpoint(ctx context.Context, c accounts.Checkpoint) error {
	return or(b.save != nil, b.save, b.Store.SaveCheckpoint)(ctx, c)
}

func (b *broken) Checkpoint(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
	return or(b.checkpoint != nil, b.checkpoint, b.Store.Checkpoint)(ctx, id, upTo)
}

func (b *broken) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	return or(b.watch != nil, b.watch, b.Store.Watch)(ctx)
}

func (b *broken) Ping(ctx context.Context) error {
	return or(b.ping != nil, b.ping, b.Store.Ping)(ctx)
}

func (b *broken) Close() error {
	return or(b.close != nil, b.close, b.Store.Close)()
}

// eachEntry passes every entry through change before it is yielded.
func eachEntry(s accounts.Store, change func(*accounts.Entry)) *broken {
	return &broken{Store: s, entries: func(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
		return func(yield func(accounts.Entry, error) bool) {
			for e, err := range s.Entries(ctx, id, after) {
				if err == nil {
					change(&e)
				}
				if !yield(e, err) {
					return
				}
			}
		}
	}}
}

// eachProfile passes every profile through change before it is returned by Profile.
func eachProfile(s accounts.Store, change func(*accounts.AccountProfile)) *broken {
	return &broken{Store: s, profile: func(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
		p, err := s.Profile(ctx, id)
		if err == nil {
			change(&p)
		}
		return p, err
	}}
}

// eachBatch passes every batch, with entries that may be changed, through change before it is
// appended.
func eachBatch(s accounts.Store, change func(*accounts.Batch)) *broken {
	return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
		b.Entries = cloneEntries(b.Entries)
		change(&b)
		return s.Append(ctx, b)
	}}
}

// endOf is where the journal ends.
func endOf(ctx context.Context, s accounts.Store, id accounts.ProfileID) journal {
	j := journal{id: id}
	entries, _ := read(ctx, s, id, 0)
	for _, e := range entries {
		j.last, j.hash = e.Seq, e.Hash
	}
	return j
}

// lastSeq is the number of the journal's last entry.
func lastSeq(ctx context.Context, s accounts.Store, id accounts.ProfileID) int64 {
	return endOf(ctx, s, id).last
}
