package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"github.com/ai-ots/accounts"
)

// A journal's file has a line of JSON for its header, one for each entry in their order, and one
// for the SHA-256 of all bytes before that line. So no byte changes without being noticed. The
// digest is no signature: whoever can write the file can write another. That a file is of a certain
// journal shows its head's hash, beside what is known from elsewhere.

const (
	fileFormat  = "accounts journal"
	fileVersion = 1
)

// errFileVersion is returned for a file of a version of the format that is not known.
var errFileVersion = errors.New("format is not known: the file is none of accounts export, or of a newer one")

// header is the first line of a journal's file.
type header struct {
	Format     string                  `json:"format"`
	Version    int                     `json:"version"`
	ExportedAt time.Time               `json:"exported_at"`
	Profile    accounts.AccountProfile `json:"profile"`
	Entries    int64                   `json:"entries"`   // how many follow
	HeadHash   accounts.Hash           `json:"head_hash"` // the last entry's; zeros for none
}

// trailer is the last line.
type trailer struct {
	SHA256 accounts.Hash `json:"sha256"` // of all bytes before the line
}

// fileWriter writes the lines of a journal's file.
type fileWriter struct {
	out    io.Writer
	digest hash.Hash
}

func newFileWriter(out io.Writer) *fileWriter {
	w := &fileWriter{digest: sha256.New()}
	w.out = io.MultiWriter(out, w.digest)
	return w
}

// line writes a header or an entry.
func (w *fileWriter) line(v any) error {
	b, err := lineOf(v)
	if err == nil {
		_, err = w.out.Write(b)
	}
	return err
}

// end writes the trailer.
func (w *fileWriter) end() error { return w.line(trailer{accounts.Hash(w.digest.Sum(nil))}) }

func lineOf(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(b, '\n'), err
}

// maxLine is the longest line that is read, in bytes.
const maxLine = 64 << 20

// fileReader reads a journal's file, and checks all of it on the way.
type fileReader struct {
	header
	lines  *bufio.Scanner
	digest hash.Hash
	fold   *accounts.Fold
	count  int // of lines
}

// newFileReader reads the header. Its errors, as those of entries, wrap accounts.ErrCorrupt, unless
// the file could not be read or is of another format.
func newFileReader(in io.Reader) (*fileReader, error) {
	r := &fileReader{lines: bufio.NewScanner(in), digest: sha256.New()}
	r.lines.Buffer(nil, maxLine)
	r.lines.Split(wholeLines)
	line, err := r.next()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(line, &r.header); err != nil {
		return nil, r.corrupt("it is no header")
	}
	if r.Format != fileFormat || r.Version != fileVersion {
		return nil, errFileVersion
	}
	if err := r.Profile.Validate(); err != nil {
		return nil, r.corrupt("the profile is not valid: %v", err)
	}
	if r.Entries < 0 {
		return nil, r.corrupt("%d entries", r.Entries)
	}
	r.fold = accounts.NewFold(r.Profile.ID, r.Profile.BaseCurrency)
	r.digest.Write(line)
	return r, nil
}

// wholeLines splits into lines, and keeps what ends them: the digest covers that too.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if n := bytes.IndexByte(data, '\n') + 1; n > 0 {
		return n, data[:n], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// next returns the next line.
func (r *fileReader) next() ([]byte, error) {
	r.count++
	switch {
	case r.lines.Scan():
		if line := r.lines.Bytes(); line[len(line)-1] == '\n' {
			return line, nil
		}
	case errors.Is(r.lines.Err(), bufio.ErrTooLong):
		return nil, r.corrupt("it is longer than %d bytes", maxLine)
	case r.lines.Err() != nil:
		return nil, fmt.Errorf("line %d: %w", r.count, r.lines.Err())
	}
	return nil, r.corrupt("the file is cut off")
}

func (r *fileReader) corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: line %d of the file: %s", accounts.ErrCorrupt, r.count, fmt.Sprintf(format, args...))
}

// entries yields the entries, each checked against the one before. All of them are what was
// exported if, and only if, the iteration ends without an error: the end of the file is checked
// last.
func (r *fileReader) entries() iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		for r.fold.Seq() < r.Entries {
			e, err := r.entry()
			if err != nil {
				yield(accounts.Entry{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := r.end(); err != nil {
			yield(accounts.Entry{}, err)
		}
	}
}

func (r *fileReader) entry() (e accounts.Entry, err error) {
	line, err := r.next()
	if err != nil {
		return e, err
	}
	r.digest.Write(line)
	if err := json.Unmarshal(line, &e); err != nil {
		return e, r.corrupt("it is no entry")
	}
	if want := r.fold.Seq() + 1; e.Seq != want { // which the fold would pass over
		return e, r.corrupt("entry %d stands in the place of %d", e.Seq, want)
	}
	if err := r.fold.Apply(e); err != nil {
		return e, fmt.Errorf("line %d of the file: %w", r.count, err)
	}
	return e, nil
}

// end checks the head, the trailer, and that nothing follows.
func (r *fileReader) end() error {
	if r.fold.Hash() != r.HeadHash {
		return r.corrupt("the last entry is not the one that the header names")
	}
	line, err := r.next()
	if err != nil {
		return err
	}
	want, err := lineOf(trailer{accounts.Hash(r.digest.Sum(nil))})
	switch {
	case err != nil:
		return err
	case !bytes.Equal(line, want):
		return r.corrupt("it does not have the digest of what stands before it")
	}
	if r.count++; r.lines.Scan() {
		return r.corrupt("something follows the end")
	}
	return r.lines.Err()
}
