package accounts

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/ai-ots/accounts/internal/wire"
)

// MarshalText returns 64 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads 64 hexadecimal digits. ErrInvalid for anything else.
func (h *Hash) UnmarshalText(text []byte) error {
	var read Hash
	if len(text) != hex.EncodedLen(len(read)) {
		return fmt.Errorf("%w: hash of %d characters, not %d", ErrInvalid, len(text), hex.EncodedLen(len(read)))
	}
	if _, err := hex.Decode(read[:], text); err != nil {
		return fmt.Errorf("%w: hash %q is not hexadecimal", ErrInvalid, text)
	}
	*h = read
	return nil
}

// plainEntry is an entry without its JSON methods.
type plainEntry Entry

// entryJSON is an entry as JSON. The payload here takes the place of the embedded one.
type entryJSON struct {
	plainEntry
	Payload json.RawMessage `json:"payload"`
}

// MarshalJSON writes the payload as the JSON object that it is, if that keeps every byte of the
// payload: so it does for every payload that this library writes. Any other payload is written as
// base64.
func (e Entry) MarshalJSON() ([]byte, error) {
	out := entryJSON{plainEntry(e), e.Payload}
	if !verbatim(e.Payload) {
		text, err := json.Marshal(wire.List(e.Payload))
		if err != nil {
			return nil, err
		}
		out.Payload = text
	}
	return json.Marshal(out)
}

// verbatim reports whether encoding/json writes an object byte for byte as it is.
func verbatim(object []byte) bool {
	if !utf8.Valid(object) || !bytes.HasPrefix(object, []byte("{")) {
		return false
	}
	var compact, escaped bytes.Buffer
	if json.Compact(&compact, object) != nil {
		return false
	}
	json.HTMLEscape(&escaped, compact.Bytes())
	return bytes.Equal(escaped.Bytes(), object)
}

// UnmarshalJSON reads what MarshalJSON writes, and drops spaces between the payload's tokens.
// ErrInvalid for a payload that is neither an object nor base64.
func (e *Entry) UnmarshalJSON(data []byte) error {
	in := entryJSON{plainEntry: plainEntry(*e)}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	read := Entry(in.plainEntry)
	switch p := in.Payload; {
	case len(p) == 0: // not among the fields
	case p[0] == '{':
		var b bytes.Buffer
		if err := json.Compact(&b, p); err != nil {
			return err
		}
		read.Payload = b.Bytes()
	default:
		read.Payload = nil
		if err := json.Unmarshal(p, &read.Payload); err != nil {
			return fmt.Errorf("%w: payload of entry %d: %w", ErrInvalid, read.Seq, err)
		}
	}
	*e = read
	return nil
}

// plainEvent is an event without its JSON methods.
type plainEvent Event

// eventJSON is an event as JSON, with its error as text.
type eventJSON struct {
	plainEvent
	Err string `json:"error,omitempty"`
}

// MarshalJSON writes the error as text.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(eventJSON{plainEvent(e), errorText(e.Err)})
}

// UnmarshalJSON reads what MarshalJSON writes. The error has the same text, and matches none of the
// library's errors.
func (e *Event) UnmarshalJSON(data []byte) error {
	in := eventJSON{plainEvent(*e), errorText(e.Err)}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*e = Event(in.plainEvent)
	if in.Err != errorText(e.Err) {
		e.Err = errorOf(in.Err)
	}
	return nil
}

// plainAllocation is an allocation without its JSON methods.
type plainAllocation Allocation

// allocationJSON is an allocation as JSON, with its error as text.
type allocationJSON struct {
	plainAllocation
	Err string `json:"error,omitempty"`
}

// MarshalJSON writes the error as text.
func (a Allocation) MarshalJSON() ([]byte, error) {
	return json.Marshal(allocationJSON{plainAllocation(a), errorText(a.Err)})
}

// UnmarshalJSON reads what MarshalJSON writes. The error has the same text. The error matches
// ErrRefused (a *RefusalError) if the decision is a refusal: not allowed, with a violation. Any
// other error matches none of the library's errors.
func (a *Allocation) UnmarshalJSON(data []byte) error {
	in := allocationJSON{plainAllocation(*a), errorText(a.Err)}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*a = Allocation(in.plainAllocation)
	switch {
	case in.Err == errorText(a.Err):
	case in.Err != "" && !a.Decision.Allowed && len(a.Decision.Violations) > 0:
		a.Err = &sentRefusal{in.Err, &RefusalError{ProfileID: a.ProfileID, Decision: a.Decision}}
	default:
		a.Err = errorOf(in.Err)
	}
	return nil
}

// sentRefusal is the error of a refused order, with the text in which it was sent.
type sentRefusal struct {
	text    string
	refusal *RefusalError
}

// Error returns the text.
func (e *sentRefusal) Error() string { return e.text }

// Unwrap returns a *RefusalError.
func (e *sentRefusal) Unwrap() error { return e.refusal }

// errorText returns the error's text, empty for nil.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// errorOf returns an error with the text, nil for none.
func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// MarshalJSON writes empty lists as [] and an empty map as {}.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	type plain Snapshot
	s.Open, s.Closed, s.Pending = wire.List(s.Open), wire.List(s.Closed), wire.List(s.Pending)
	s.Cash, s.Unrated = wire.Map(s.Cash), wire.List(s.Unrated)
	return json.Marshal(plain(s))
}

// plainStanding is a standing without its JSON methods.
type plainStanding Standing

// standingJSON is a standing as JSON, with its error as text.
type standingJSON struct {
	plainStanding
	Err string `json:"error,omitempty"`
}

// MarshalJSON writes the error as text.
func (s Standing) MarshalJSON() ([]byte, error) {
	return json.Marshal(standingJSON{plainStanding(s), errorText(s.Err)})
}

// UnmarshalJSON reads what MarshalJSON writes. The error has the same text, and matches none of the
// library's errors.
func (s *Standing) UnmarshalJSON(data []byte) error {
	in := standingJSON{plainStanding(*s), errorText(s.Err)}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	was := s.Err
	*s = Standing(in.plainStanding)
	if s.Err = was; in.Err != errorText(was) {
		s.Err = errorOf(in.Err)
	}
	return nil
}

// MarshalJSON writes an empty list as [].
func (c Comparison) MarshalJSON() ([]byte, error) {
	type plain Comparison
	c.Standings, c.Definitions = wire.List(c.Standings), wire.List(c.Definitions)
	return json.Marshal(plain(c))
}

// MarshalJSON writes empty lists as []. The map ExecIDs is left out if it is nil, which selects all
// executions, and {} if it is empty, which selects none.
func (f TradeFilter) MarshalJSON() ([]byte, error) {
	type plain TradeFilter
	f.Instruments = wire.List(f.Instruments)
	return json.Marshal(plain(f))
}

// MarshalJSON writes empty lists as [].
func (f ProfileFilter) MarshalJSON() ([]byte, error) {
	type plain ProfileFilter
	f.Statuses, f.Levels = wire.List(f.Statuses), wire.List(f.Levels)
	return json.Marshal(plain(f))
}

// MarshalJSON writes empty lists as [].
func (b Batch) MarshalJSON() ([]byte, error) {
	type plain Batch
	b.Entries, b.Positions = wire.List(b.Entries), wire.List(b.Positions)
	return json.Marshal(plain(b))
}

// MarshalJSON writes the state as base64.
func (c Checkpoint) MarshalJSON() ([]byte, error) {
	type plain Checkpoint
	c.State = wire.List(c.State)
	return json.Marshal(plain(c))
}

// MarshalJSON writes an empty list as [].
func (e DuplicateError) MarshalJSON() ([]byte, error) {
	type plain DuplicateError
	e.Duplicates = wire.List(e.Duplicates)
	return json.Marshal(plain(e))
}

// MarshalJSON writes empty lists as [].
func (e MissingError) MarshalJSON() ([]byte, error) {
	type plain MissingError
	e.Marks, e.Rates = wire.List(e.Marks), wire.List(e.Rates)
	return json.Marshal(plain(e))
}
