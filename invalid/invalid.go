package invalid

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Err is returned for input that no state of the system could accept. The error is a
// *ValidationError where several fields can be at fault.
var Err = errors.New("invalid")

// Field tells what is wrong with one field.
type Field struct {
	Name    string `json:"name"`    // the Go field name, such as "IBKRAccountID"
	Problem string `json:"problem"` // what is wrong, with the offending value
}

// Error lists every violated field at once. It matches ErrInvalid.
type Error struct {
	What   string  `json:"what"` // what was validated, such as "profile"
	Fields []Field `json:"fields"`
}

// Error names every field with its problem.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "invalid %s: ", e.What)
	for i, f := range e.Fields {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Name + " " + f.Problem)
	}
	return b.String()
}

// Unwrap returns ErrInvalid.
func (e *Error) Unwrap() error { return Err }

// MarshalJSON writes an empty list as [].
func (e Error) MarshalJSON() ([]byte, error) {
	type plain Error
	if e.Fields == nil {
		e.Fields = []Field{}
	}
	return json.Marshal(plain(e))
}

// Check notes what is wrong with a field unless ok. It boxes its arguments whether they are needed
// or not: where that shows, test first and add.
func (e *Error) Check(ok bool, field, format string, args ...any) {
	if !ok {
		e.Add(field, format, args...)
	}
}

// Add notes what is wrong with a field.
func (e *Error) Add(field, format string, args ...any) {
	e.Fields = append(e.Fields, Field{field, fmt.Sprintf(format, args...)})
}

// Err returns a copy of e when a field was found wrong, else nil. That it is a copy keeps e itself,
// in the usual case that nothing is wrong, off the heap.
func (e *Error) Err() error {
	if len(e.Fields) == 0 {
		return nil
	}
	return &Error{What: e.What, Fields: e.Fields}
}
