// Package invalid has the error for wrong input: [Error] lists every wrong field at once, and wraps
// [Err].
package invalid

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Err is returned for input that no state of the system could accept. Where several fields can be
// wrong, the error is an *[Error] that wraps it. Package accounts names it ErrInvalid.
var Err = errors.New("invalid")

// Error lists every wrong field of a value at once. It matches [Err]. Collect with Check and Add,
// then return Err's result. It is not safe for concurrent use while it collects. Package accounts
// names it ValidationError.
type Error struct {
	What   string  `json:"what"` // the value that was validated, such as "profile"
	Fields []Field `json:"fields"`
}

// Field is one wrong field.
type Field struct {
	Name    string `json:"name"`    // the Go field's name, such as "IBKRAccountID" or "Limits.WarnAt"
	Problem string `json:"problem"` // what is wrong, in English, with the offending value
}

// Add notes a wrong field. format and args make the problem.
func (e *Error) Add(field, format string, args ...any) {
	e.Fields = append(e.Fields, Field{field, fmt.Sprintf(format, args...)})
}

// Check notes a wrong field unless ok. Its arguments are boxed even where ok is true: on hot paths
// test first and call Add.
func (e *Error) Check(ok bool, field, format string, args ...any) {
	if !ok {
		e.Add(field, format, args...)
	}
}

// Err returns nil if no field was found wrong, or else a copy of e. The copy keeps e itself off the
// heap in the usual case.
func (e *Error) Err() error {
	if len(e.Fields) == 0 {
		return nil
	}
	return &Error{What: e.What, Fields: e.Fields}
}

// Error names every wrong field with its problem, in English.
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

// Unwrap returns [Err].
func (e *Error) Unwrap() error { return Err }

// MarshalJSON writes an empty list as [].
func (e Error) MarshalJSON() ([]byte, error) {
	type plain Error
	if e.Fields == nil {
		e.Fields = []Field{}
	}
	return json.Marshal(plain(e))
}
