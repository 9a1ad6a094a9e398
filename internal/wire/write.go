// Package wire writes and reads the payloads of journal entries: JSON objects that begin with their
// version, with decimals as strings and times in UTC at microseconds.
//
// The append functions write what encoding/json would write, in a fraction of the time: recording
// is the hot path. [Decode] reads back with encoding/json, and [Scanner] without, for the payloads
// that make up most of a journal. The package knows no payload type: packages ledger and risk list
// their fields. Read write.go first, then read.go and scan.go.
package wire

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/quagmt/udecimal"
)

// Version is the version of payloads, written into each as "v". A reader refuses any other.
const Version = 1

// AppendVersion appends the version with which every payload begins.
func AppendVersion(b []byte) []byte { return AppendInt(b, "v", Version, false) }

// AppendName appends a comma, unless b ends with an opening brace or bracket, and the quoted name
// with a colon. name must need no escaping.
func AppendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' && b[len(b)-1] != '[' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), '"', ':')
}

// AppendString appends a field with a string, escaped as encoding/json does. It appends nothing if
// the string is empty and the field optional.
func AppendString[S ~string](b []byte, name string, s S, optional bool) []byte {
	if s == "" && optional {
		return b
	}
	b = AppendName(b, name)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(string(s)) // a string always marshals
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// AppendDecimal appends a field with a decimal as a string. It appends nothing if the decimal is
// zero and the field optional.
func AppendDecimal(b []byte, name string, d udecimal.Decimal, optional bool) []byte {
	if d.IsZero() {
		if optional {
			return b
		}
		return append(AppendName(b, name), `"0"`...)
	}
	b = append(AppendName(b, name), '"')
	b, _ = d.AppendText(b) // never fails
	return append(b, '"')
}

// AppendTime appends a field with a time in the form of time.RFC3339Nano.
func AppendTime(b []byte, name string, t time.Time) []byte {
	b = append(AppendName(b, name), '"')
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}

// AppendInt appends a field with a number. It appends nothing if the number is zero and the field
// optional.
func AppendInt(b []byte, name string, n int64, optional bool) []byte {
	if n == 0 && optional {
		return b
	}
	return strconv.AppendInt(AppendName(b, name), n, 10)
}

// AppendTrue appends a field that is true. It appends nothing if the value is false.
func AppendTrue(b []byte, name string, value bool) []byte {
	if !value {
		return b
	}
	return append(AppendName(b, name), "true"...)
}

// AppendFields appends the fields of v, a value that encoding/json writes as an object, each after
// a comma. It is for payloads that are rare enough for reflection.
func AppendFields(b []byte, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // no payload fails to marshal; a reader would refuse this one
		return b
	}
	return append(append(b, ','), data[1:len(data)-1]...)
}

// AppendJSON appends a value as encoding/json writes it.
func AppendJSON(b []byte, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // see AppendFields
		return append(b, "null"...)
	}
	return append(b, data...)
}
