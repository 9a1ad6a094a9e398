package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/pgstore"
)

// journalSummary is what export and restore answer.
type journalSummary struct {
	ProfileID accounts.ProfileID `json:"profile_id"`
	File      string             `json:"file"`
	Entries   int64              `json:"entries"`
	HeadHash  accounts.Hash      `json:"head_hash"`
	Done      bool               `json:"done"`
	said      string
}

func (s *journalSummary) found() bool { return !s.Done }

func (s *journalSummary) write(w io.Writer) {
	fmt.Fprintf(w, "profile %s %s\n", s.ProfileID, s.said)
	fmt.Fprintf(w, "  file\t%s\n  entries\t%d\n  head\t%s\n", s.File, s.Entries, s.HeadHash)
	if !s.Done {
		writeWaits(w)
	}
}

var exportJournal = &command{
	name: "export", args: "<profile>", summary: "Write a profile and its journal into a file.",
	text: `Writes JSON lines: a header with the profile and the hash of its last entry, every entry with its
number and hash, and a digest of it all. The journal is verified first. The file gets its name
once it is complete; only its owner may read it, and a file that exists is refused. Without -o, or
with "-", the lines go to standard output. Credentials are not in it, nor who has switched to the
profile.`,
	timeout: longTimeout,
	setup: func(set *flag.FlagSet) action {
		out := set.String("o", "-", "the `file` to write, which must not exist; - is standard output")
		return func(ctx context.Context, e *call) (answer, error) {
			name, err := e.one("profile")
			if err == nil && *out == "-" && e.json {
				err = usage("-json needs -o: the lines themselves go to standard output")
			}
			if err != nil {
				return nil, err
			}
			return exportTo(ctx, e, name, *out)
		}
	},
}

func exportTo(ctx context.Context, e *call, name, path string) (answer, error) {
	var h header
	write := func(w io.Writer) error {
		return e.withStore(ctx, func(s *pgstore.Store) error {
			p, err := find(ctx, s, name)
			if err == nil {
				h, err = writeJournal(ctx, s, p, w, func(total int64) *progress { return e.progress("exporting entries", total) })
			}
			return err
		})
	}
	if path == "-" {
		return nil, write(e.stdout)
	}
	if err := writeNew(path, write); err != nil {
		return nil, err
	}
	return &journalSummary{h.Profile.ID, path, h.Entries, h.HeadHash, true, "is exported"}, nil
}

// writeJournal writes the journal's file. What it writes can be restored, or it returns an error.
func writeJournal(
	ctx context.Context, s accounts.Store, p accounts.AccountProfile, out io.Writer, progress func(total int64) *progress,
) (header, error) {
	last, head, err := accounts.VerifyJournal(ctx, s, p.ID)
	if err != nil {
		return header{}, err
	}
	h := header{fileFormat, fileVersion, time.Now().UTC().Truncate(time.Microsecond), p, last, head}
	bar := progress(last)
	defer bar.close()
	buffered := bufio.NewWriter(out)
	w := newFileWriter(buffered)
	if err := w.line(h); err != nil {
		return h, err
	}
	fold := accounts.NewFold(p.ID, p.BaseCurrency)
	for e, err := range s.Entries(ctx, p.ID, 0) {
		switch {
		case err != nil:
			return h, err
		case e.Seq > last: // recorded since
		default:
			if err := errors.Join(fold.Apply(e), w.line(e)); err != nil {
				return h, err
			}
			bar.add(1)
			continue
		}
		break
	}
	if fold.Seq() != last || fold.Hash() != head {
		return h, &accounts.CorruptError{ProfileID: p.ID, Seq: fold.Seq(), Reason: "is not what was verified a moment before"}
	}
	if err := w.end(); err != nil {
		return h, err
	}
	return h, buffered.Flush()
}

// writeNew writes a file that must not exist, whole or not at all, for its owner alone.
func writeNew(path string, write func(io.Writer) error) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s: %w", path, os.ErrExist)
		}
		return err
	}
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+"-*") // which nobody else may read
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = nameNew(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(folder)
}

// nameNew gives a complete file its name, unless somebody else has taken that meanwhile.
func nameNew(from, path string) error {
	switch err := os.Link(from, path); {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, os.ErrExist):
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) { // where there are no links
		return cmp.Or(err, os.ErrExist)
	}
	return os.Rename(from, path)
}

// syncFolder has a new file's name reach the disk, where folders can be opened for that.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
