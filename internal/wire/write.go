package wire

import (
	"encoding/json"
	"github.com/quagmt/udecimal"
	"strconv"
	"time"
)

// Version is written into every payload as "v". A reader refuses a version it does not know.
const Version = 1

// AppendVersion appends the version that every payload begins with.
func AppendVersion(b []byte) []byte { return AppendInt(b, "v", Version, false) }

// AppendString appends a comma, the field's name and a string, unless it is empty and optional.
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

func AppendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' && b[len(b)-1] != '[' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), '"', ':')
}

// AppendDecimal appends a decimal as a string, unless it is zero and optional.
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

func AppendTime(b []byte, name string, t time.Time) []byte {
	b = append(AppendName(b, name), '"')
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}

func AppendInt(b []byte, name string, n int64, optional bool) []byte {
	if n == 0 && optional {
		return b
	}
	return strconv.AppendInt(AppendName(b, name), n, 10)
}

// AppendFields is appendFields for payloads that are rare enough for encoding/json.
func AppendFields(b []byte, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // nothing in a payload can fail to marshal; a reader would refuse this
		return b
	}
	return append(append(b, ','), data[1:len(data)-1]...)
}

// AppendJSON appends a value as encoding/json writes it.
func AppendJSON(b []byte, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // as above
		return append(b, "null"...)
	}
	return append(b, data...)
}
