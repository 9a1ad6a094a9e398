package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/pgstore"
)

var restoreJournal = &command{
	name: "restore", args: "<file>", summary: "Write an exported profile and its journal into a store; a plan without -yes.",
	text: `Reads the whole file first and checks every byte of it: numbers, hashes, head and digest. A file
that was cut off or changed is refused, and so is a profile that exists. Then the entries are
written, each with its number, time and hash as they were, the rows of positions and trades are
made of them, and all is verified.

Until that is done the profile is suspended, or inactive if it was exported as suspended. A
restore that was interrupted is finished by the same command with the same file. The profile is as
it was exported but for its version, which is higher by one. Leases that the journal names are
raised, so that orders can be sent again. Credentials are not in the file.`,
	timeout: longTimeout,
	setup: func(set *flag.FlagSet) action {
		yes := addYes(set)
		shared := addShared(set)
		return func(ctx context.Context, e *call) (answer, error) {
			path, err := e.one("file")
			if err != nil {
				return nil, err
			}
			return restoreFrom(ctx, e, path, *yes, *shared)
		}
	},
}

func restoreFrom(ctx context.Context, e *call, path string, yes, shared bool) (answer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &restoring{file: f, shared: shared, progress: e.progress}
	if err := r.check(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := &journalSummary{r.header.Profile.ID, path, r.header.Entries, r.header.HeadHash, false, "is to be restored"}
	err = e.withStore(ctx, func(s *pgstore.Store) error {
		r.store = s
		if !yes {
			_, err := r.begun(ctx)
			return err
		}
		return r.run(ctx)
	})
	if err != nil {
		return nil, err
	}
	if yes {
		out.Done, out.said = true, "is restored"
	}
	return out, nil
}

// restoring is the restore of one file into a store.
type restoring struct {
	file     io.ReadSeeker
	store    accounts.Store
	shared   bool // accounts at the broker may be shared
	progress func(what string, total int64) *progress

	header header
	fences map[string]int64 // the highest of each lease in the journal
}

// projecting is a store that makes rows of journals.
type projecting interface {
	Rebuild(ctx context.Context, id accounts.ProfileID) error
	Verify(ctx context.Context, id accounts.ProfileID) error
}

// read reads the file from its beginning and gives each its entries. It returns nil if all of the
// file is what was exported.
func (r *restoring) read(ctx context.Context, what string, each func(accounts.Entry) error) error {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f, err := newFileReader(r.file)
	if err != nil {
		return err
	}
	if r.header.Format == "" {
		r.header = f.header
	} else if same, err := equalJSON(f.header, r.header); err != nil || !same {
		return errors.Join(errors.New("the file has changed since it was checked"), err)
	}
	bar := r.progress(what, f.Entries)
	defer bar.close()
	for e, err := range f.entries() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = each(e)
		}
		if err != nil {
			return err
		}
		bar.add(1)
	}
	return nil
}

// maxFence bounds a restored journal's fences, to which leases are raised one by one. A lease that
// passes on every minute gets there in two years.
const maxFence = 1_000_000

// check reads the whole file before anything is written.
func (r *restoring) check(ctx context.Context) error {
	r.fences = map[string]int64{}
	return r.read(ctx, "checking entries", func(e accounts.Entry) error {
		if e.Kind != risk.KindDispatch {
			return nil
		}
		p, err := e.Decode()
		if d, is := p.(*risk.Dispatch); is && d.Lease != "" {
			if d.Fence > maxFence {
				return fmt.Errorf("entry %d: fence %d of lease %q is beyond %d", e.Seq, d.Fence, d.Lease, maxFence)
			}
			r.fences[d.Lease] = max(r.fences[d.Lease], d.Fence)
		}
		return err
	})
}

// pending is the profile while it is being restored. Its status differs from that of the file, so
// that no profile that was exported passes for one whose restore was begun.
func (r *restoring) pending() accounts.AccountProfile {
	p := r.header.Profile.Clone()
	p.Status = accounts.StatusSuspended
	if r.header.Profile.Status == accounts.StatusSuspended {
		p.Status = accounts.StatusInactive
	}
	return p
}

// begun reports whether the restore of this file was begun. ErrProfileExists for any other profile
// of the id, ErrNameTaken and ErrAccountTaken as for a profile that is created.
func (r *restoring) begun(ctx context.Context) (bool, error) {
	want := r.pending()
	stored, err := r.store.Profile(ctx, want.ID)
	switch {
	case errors.Is(err, accounts.ErrProfileNotFound):
		return false, r.checkPlace(ctx)
	case err != nil:
		return false, err
	}
	same, err := equalJSON(stored, want)
	if err == nil && !same {
		err = fmt.Errorf("%w: %q", accounts.ErrProfileExists, want.ID)
	}
	return same, err
}

func equalJSON(a, b any) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return string(x) == string(y), err
}

// checkPlace refuses a profile whose name is taken among its owner's, or whose account another
// active one has.
func (r *restoring) checkPlace(ctx context.Context) error {
	p := r.header.Profile
	list, err := r.store.Profiles(ctx, accounts.ProfileFilter{Owner: &p.Owner})
	if err != nil {
		return err
	}
	for _, other := range list {
		active := p.Status == accounts.StatusActive && other.Status == accounts.StatusActive
		switch {
		case other.Name == p.Name:
			return fmt.Errorf("%w: profile %q is named %q", accounts.ErrNameTaken, other.ID, p.Name)
		case active && !r.shared && other.IBKRAccountID == p.IBKRAccountID:
			return fmt.Errorf("%w: profile %q has account %s", accounts.ErrAccountTaken, other.ID, p.IBKRAccountID)
		}
	}
	return nil
}

// run restores the file, which was checked, or finishes a restore that was begun.
func (r *restoring) run(ctx context.Context) error {
	id := r.header.Profile.ID
	begun, err := r.begun(ctx)
	if err == nil && !begun {
		err = r.store.CreateProfile(ctx, r.pending())
	}
	if err != nil {
		return fmt.Errorf("restore profile %q: %w", id, err)
	}
	if err = r.append(ctx); err == nil {
		err = r.raiseLeases(ctx)
	}
	if err == nil {
		err = r.verify(ctx)
	}
	if err != nil {
		return fmt.Errorf("restore profile %q, which is not complete until the command is run again: %w", id, err)
	}
	p := r.header.Profile.Clone()
	if err := r.store.UpdateProfile(ctx, p); err != nil {
		return fmt.Errorf("restore profile %q: its journal is complete, and its status is not set until the command is run again: %w", id, err)
	}
	return nil
}

// Bounds of what is appended at once.
const (
	batchEntries = 500
	batchBytes   = 4 << 20
)

// append writes the entries that the store lacks. What it has must be the beginning of the file.
func (r *restoring) append(ctx context.Context) error {
	id := r.header.Profile.ID
	last, head, err := accounts.VerifyJournal(ctx, r.store, id)
	if err != nil {
		return err
	}
	batch, bytes := accounts.Batch{ProfileID: id, After: last, Hash: head}, 0
	flush := func() error {
		if len(batch.Entries) == 0 {
			return nil
		}
		if err := r.store.Append(ctx, batch); err != nil {
			return err
		}
		end := batch.Entries[len(batch.Entries)-1]
		batch, bytes = accounts.Batch{ProfileID: id, After: end.Seq, Hash: end.Hash}, 0
		return nil
	}
	err = r.read(ctx, "restoring entries", func(e accounts.Entry) error {
		if e.Seq == last && e.Hash != head {
			return fmt.Errorf("%w: entry %d is another one than the file's", accounts.ErrProfileExists, last)
		}
		if e.Seq <= last {
			return nil
		}
		batch.Entries = append(batch.Entries, e)
		if bytes += len(e.Payload); len(batch.Entries) < batchEntries && bytes < batchBytes {
			return nil
		}
		return flush()
	})
	if err == nil && last > r.header.Entries {
		err = fmt.Errorf("%w: its journal has %d entries, the file %d", accounts.ErrProfileExists, last, r.header.Entries)
	}
	if err != nil {
		return err
	}
	return flush()
}

// raiseLeases takes the leases that the journal names until their fences are not below the
// journal's: otherwise whoever takes them next would be refused as one whose lease has passed to
// another.
func (r *restoring) raiseLeases(ctx context.Context) error {
	s, is := r.store.(accounts.LeaseStore)
	if !is {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.fences)) {
		bar := r.progress("raising lease", r.fences[name])
		for reached := int64(0); reached < r.fences[name]; bar.set(reached) {
			l, err := s.Lease(ctx, name, "accounts restore", time.Minute)
			if err == nil {
				err = s.EndLease(ctx, l)
			}
			if err != nil {
				bar.close()
				return fmt.Errorf("lease %q: %w", name, err)
			}
			reached = l.Fence
		}
		bar.close()
	}
	return nil
}

// verify makes the rows and checks all that was written.
func (r *restoring) verify(ctx context.Context) error {
	id := r.header.Profile.ID
	last, head, err := accounts.VerifyJournal(ctx, r.store, id)
	if err != nil {
		return err
	}
	if last != r.header.Entries || head != r.header.HeadHash {
		return &accounts.CorruptError{ProfileID: id, Seq: last, Reason: "is not the head that was exported"}
	}
	s, is := r.store.(projecting)
	if !is {
		return nil
	}
	if err := s.Rebuild(ctx, id); err != nil {
		return err
	}
	return s.Verify(ctx, id)
}
