package flex

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// ErrFormat is what every error about a file's contents wraps. The error is a *ReadError.
var ErrFormat = errors.New("flex statement cannot be read")

// errTooLarge is returned for one XML token or CSV record beyond maxToken.
var errTooLarge = fmt.Errorf("one element or record is larger than %d bytes", maxToken)

const (
	maxToken = 1 << 20 // bytes of one XML token or CSV record
	maxDepth = 64      // of nested XML elements
	// maxStatements bounds the statements that are in memory at once. One of a few bytes takes two
	// kilobytes.
	maxStatements = 20_000
)

// MaxRows is how many rows the statements have at most that are in memory at once, unless
// WithMaxRows says otherwise: a million trades take up to a gigabyte while they are imported. They
// have as many names of contracts and sections, and issues, at most.
const MaxRows = 2_000_000

// ReadError tells where a file cannot be read, and why. It matches ErrFormat, and
// io.ErrUnexpectedEOF where the file ends too early.
type ReadError struct {
	Line    int    // of the file, from 1
	Section string // such as "trade"; empty outside of any
	Field   string // the attribute's XML name or the CSV column, such as "tradePrice"; may be empty
	Value   string // what the field says
	Err     error
}

// Error returns "line 12: trade: quantity "abc": …".
func (e *ReadError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d: ", e.Line)
	if e.Section != "" {
		b.WriteString(e.Section + ": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field)
		if e.Value != "" {
			fmt.Fprintf(&b, " %.60q", e.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns ErrFormat and the cause.
func (e *ReadError) Unwrap() []error { return []error{ErrFormat, e.Err} }

// ResponseError is the broker's answer where a statement was expected, such as code 1019 while the
// statement is still being generated. Reading returns it inside a *ReadError.
type ResponseError struct {
	Status  string // "Fail", "Warn" …
	Code    string
	Message string
}

// Error names the broker's code and message.
func (e *ResponseError) Error() string {
	if e.Code == "" && e.Status == "Success" {
		return "a Flex answer that a statement is being made, not the statement: fetch it with the reference code"
	}
	return fmt.Sprintf("a Flex error answer %.20s: %.200q (%.20s), not a statement", e.Code, e.Message, e.Status)
}

// Option configures a Reader.
type Option func(*Reader)

// WithLocation sets where the times of a file that names no zone are; the default is
// America/New_York. A nil location changes nothing.
func WithLocation(loc *time.Location) Option {
	return func(r *Reader) {
		if loc != nil {
			r.loc = loc
		}
	}
}

// WithMaxRows sets how many rows may be in memory at once, and so how much memory a file may take.
// A file with more is refused as a whole: statements of shorter periods have fewer. Less than 1
// changes nothing.
func WithMaxRows(n int) Option {
	return func(r *Reader) {
		if n > 0 {
			r.rows.most = n
		}
	}
}

// rowCount counts the rows that are kept in memory, of all statements together, and what else is:
// the names of contracts and sections, and issues. Of each there may be as many.
type rowCount struct {
	now, others, most int
	over              error // there are more others
}

// add counts a row, or returns an error if that is one too many.
func (c *rowCount) add(sec section, r *row) error {
	if c.now++; c.now > c.most {
		return &ReadError{Line: r.line, Section: sec.String(),
			Err: fmt.Errorf("there are more than %d rows to be kept in memory: make statements of shorter periods", c.most)}
	}
	return nil
}

// other counts what is kept beside the rows. It returns an error, and notes it, if that is one too
// many.
func (c *rowCount) other(line int) error {
	if c.others++; c.others > c.most && c.over == nil {
		c.over = &ReadError{Line: line, Err: fmt.Errorf("there are more than %d names and notes to be kept in memory", c.most)}
	}
	return c.over
}

// drop takes rows off that are not kept any longer.
func (c *rowCount) drop(n int) { c.now -= n }

// Reader reads the statements of one file, one at a time. It is not safe for concurrent use.
type Reader struct {
	in   io.Reader
	loc  *time.Location
	src  source
	err  error // sticky
	read int   // statements so far
	rows rowCount
	all  bool // the statements stay in memory
}

// source yields the statements of one encoding; io.EOF after the last.
type source interface {
	next() (*Statement, error)
	at() int // the line that was read last
}

// NewReader returns a reader of the statements in in, whose encoding, XML or CSV, is told by the
// first bytes; a UTF-8 byte order mark is skipped. It holds one statement at a time in memory,
// except for CSV files without account records, whose rows may come in any order of accounts. A
// file of another kind is refused by what it is, and one with more rows than MaxRows, or than
// WithMaxRows allows, by that.
func NewReader(in io.Reader, opts ...Option) *Reader {
	r := &Reader{in: in, rows: rowCount{most: MaxRows}}
	for _, opt := range opts {
		opt(r)
	}
	return r
}

// Next returns the next statement, and io.EOF after the last. A file without any statement is an
// error. An error is final: every later call returns it again.
func (r *Reader) Next() (*Statement, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.src == nil {
		if r.err = r.open(); r.err != nil {
			return nil, r.err
		}
	}
	if !r.all {
		r.rows.now, r.rows.others = 0, 0
	}
	st, err := r.src.next()
	if err == io.EOF && r.read == 0 {
		err = &ReadError{Line: 1, Err: errors.New("no statement in the file")}
	}
	if err != nil {
		r.err = err
		return nil, err
	}
	r.read++
	return st, nil
}

// All returns the remaining statements; an error ends the sequence as its last element.
func (r *Reader) All() iter.Seq2[*Statement, error] {
	return func(yield func(*Statement, error) bool) {
		for {
			st, err := r.Next()
			if err == io.EOF {
				return
			}
			if !yield(st, err) || err != nil {
				return
			}
		}
	}
}

// errTooMany is returned for more statements than are held in memory.
var errTooMany = fmt.Errorf("there are more than %d statements in the file", maxStatements)

// ReadAll returns all statements of in, or none if there is an error anywhere in it. More than
// 20,000 statements are an error, and more than MaxRows rows in all of them: a [Reader] gives the
// statements one at a time.
func ReadAll(in io.Reader, opts ...Option) ([]*Statement, error) {
	var all []*Statement
	r := NewReader(in, opts...)
	r.all = true
	for st, err := range r.All() {
		if err == nil && len(all) == maxStatements {
			err = &ReadError{Line: r.src.at(), Err: errTooMany}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, st)
	}
	return all, nil
}

// open tells the encoding and makes the source.
func (r *Reader) open() error {
	if r.loc == nil {
		loc, err := time.LoadLocation("America/New_York")
		if err != nil {
			return fmt.Errorf("the machine has no time zones and the program should import time/tzdata: %w", err)
		}
		r.loc = loc
	}
	br := bufio.NewReaderSize(r.in, 64<<10)
	head, err := br.Peek(512)
	if err != nil && err != io.EOF {
		return fmt.Errorf("line 1: read: %w", err)
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		head = head[3:]
		_, _ = br.Discard(3) // peeked: cannot fail
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0:
		return &ReadError{Line: 1, Err: fmt.Errorf("the file is empty: %w", io.ErrUnexpectedEOF)}
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.IndexByte(text[:min(4, len(text))], 0) >= 0:
		return &ReadError{Line: 1, Err: errors.New("the file is UTF-16 or UTF-32: only UTF-8 is read")}
	case notAStatement(text) != "":
		return &ReadError{Line: 1, Err: errors.New(notAStatement(text))}
	case isActivity(text):
		r.src = newActivitySource(br, r.loc, &r.rows)
	case text[0] == '<':
		r.src = newXMLSource(br, r.loc, &r.rows)
	default:
		r.src = newCSVSource(br, r.loc, &r.rows)
	}
	return nil
}
