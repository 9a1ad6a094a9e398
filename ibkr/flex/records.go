package flex

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// csvRecords reads the records of a CSV file, within bounds.
type csvRecords struct {
	csv   *csv.Reader
	limit *recordLimit
	line  int // of the current record
}

// at returns the line of the current record.
func (s *csvRecords) at() int { return s.line }

func newCSVRecords(in io.Reader) csvRecords {
	s := csvRecords{limit: &recordLimit{in: in}}
	s.csv = csv.NewReader(s.limit)
	s.csv.ReuseRecord = true
	s.csv.FieldsPerRecord = -1 // sections have their own
	return s
}

// record reads one record, which is valid until the next call.
func (s *csvRecords) record() ([]string, error) {
	s.limit.size = 0
	rec, err := s.csv.Read()
	if err != nil {
		return nil, s.failed(err)
	}
	s.line, _ = s.csv.FieldPos(0)
	rec[0] = strings.TrimPrefix(rec[0], "\ufeff") // of a file that was put behind another one
	for _, v := range rec {
		if !utf8.ValidString(v) {
			return nil, &ReadError{Line: s.line, Err: fmt.Errorf("%s is not valid UTF-8", quoted(v))}
		}
	}
	return rec, nil
}

func (s *csvRecords) failed(err error) error {
	var parse *csv.ParseError
	switch {
	case err == io.EOF:
		return err
	case errors.As(err, &parse):
		if parse.Err == csv.ErrQuote && s.limit.ended && s.csv.InputOffset() == s.limit.total {
			return &ReadError{Line: parse.StartLine, Err: fmt.Errorf("the file is cut off: %w", io.ErrUnexpectedEOF)}
		}
		return &ReadError{Line: parse.StartLine, Err: parse.Err}
	case errors.Is(err, errTooLarge):
		return &ReadError{Line: s.line + 1, Err: errTooLarge}
	}
	return fmt.Errorf("line %d: read: %w", s.line+1, err)
}

// recordLimit bounds how much one record takes, give or take what the CSV reader reads ahead.
type recordLimit struct {
	in    io.Reader
	size  int
	total int64
	ended bool
}

// Read reads, or returns errTooLarge beyond the bound.
func (l *recordLimit) Read(p []byte) (int, error) {
	if l.size > maxToken {
		return 0, errTooLarge
	}
	n, err := l.in.Read(p)
	l.size += n
	l.total += int64(n)
	l.ended = l.ended || err == io.EOF
	return n, err
}
