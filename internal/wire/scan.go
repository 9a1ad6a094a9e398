package wire

import (
	"bytes"
	"encoding"
	"strconv"
)

// Scanner reads the fields of a payload in the order in which the append functions wrote them,
// without reflection. A field that is not next is left as it is. Scanner checks only what it needs
// to go on: whoever uses it writes again what was read, and Done reports whether that makes the
// same bytes. Then [Decode] reads the same from these bytes, since it reads back what the append
// functions write.
type Scanner struct {
	data, rest []byte
	failed     bool
}

// ScanSize is the size of a buffer that payloads fit in that are worth scanning.
const ScanSize = 512

// NewScanner returns a scanner of a payload behind its version, which Done compares.
func NewScanner(payload []byte) Scanner {
	s := Scanner{data: payload, rest: payload}
	s.Int("v")
	return s
}

// Done reports whether all of the payload was read, and is the same as what was written again,
// without the brace at its end.
func (s *Scanner) Done(again []byte) bool {
	return string(s.rest) == "}" && !s.failed && bytes.Equal(again, s.data[:len(s.data)-1])
}

// Open goes into the object that is the value of the field, and reports whether the field is next.
func (s *Scanner) Open(name string) bool { return s.next(name) }

// Close goes out of an object.
func (s *Scanner) Close() { s.take("}") }

// Int reads a field with a number.
func (s *Scanner) Int(name string) int64 {
	if !s.next(name) {
		return 0
	}
	end := bytes.IndexAny(s.rest, ",}")
	if end < 0 {
		s.failed = true
		return 0
	}
	n, err := strconv.ParseInt(string(s.rest[:end]), 10, 64)
	s.rest, s.failed = s.rest[end:], s.failed || err != nil
	return n
}

// True reads a field that is true.
func (s *Scanner) True(name string) bool { return s.next(name) && s.take("true") }

// String reads a field with a string.
func (s *Scanner) String(name string) string {
	if !s.next(name) {
		return ""
	}
	return string(s.text())
}

// Text reads a field with a decimal, a time or a date.
func (s *Scanner) Text(name string, to encoding.TextUnmarshaler) {
	if s.next(name) && to.UnmarshalText(s.text()) != nil {
		s.failed = true
	}
}

// text takes a string up to the next quotation mark. One within the text would make other bytes
// when the text is written again.
func (s *Scanner) text() []byte {
	if !s.take(`"`) {
		return nil
	}
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 {
		s.failed = true
		return nil
	}
	text := s.rest[:end]
	s.rest = s.rest[end+1:]
	return text
}

// take goes behind a literal, which must come.
func (s *Scanner) take(literal string) bool {
	if len(s.rest) < len(literal) || string(s.rest[:len(literal)]) != literal {
		s.failed = true
		return false
	}
	s.rest = s.rest[len(literal):]
	return true
}

// next goes to the value of the field, and reports whether the field is next.
func (s *Scanner) next(name string) bool {
	rest, n := s.rest, len(name)
	if len(rest) > 0 && (rest[0] == ',' || rest[0] == '{') {
		rest = rest[1:]
	}
	if len(rest) < n+3 || rest[0] != '"' || string(rest[1:n+1]) != name || rest[n+1] != '"' || rest[n+2] != ':' {
		return false
	}
	s.rest = rest[n+3:]
	return true
}
