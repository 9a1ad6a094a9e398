package wire

import (
	"encoding/json"
	"strings"
	"time"
)

// List returns the list itself, or an empty list for nil, so that JSON has [] and not null.
func List[S ~[]E, E any](list S) S {
	if list == nil {
		return S{}
	}
	return list
}

// Map returns the map itself, or an empty map for nil, so that JSON has {} and not null.
func Map[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return M{}
	}
	return m
}

// NilIfEmpty returns nil for an empty list, and any other list itself.
func NilIfEmpty[S ~[]E, E any](list S) S {
	if len(list) == 0 {
		return nil
	}
	return list
}

// Duration is a time.Duration that is text in JSON, such as "5m". A number is read as nanoseconds:
// this is how encoding/json writes a time.Duration.
type Duration time.Duration

// String returns the text of a time.Duration without the zeros that end it: "5m" for "5m0s".
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText returns what String returns.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON reads a text that time.ParseDuration reads, or a whole number of nanoseconds.
func (d *Duration) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '"' {
		return json.Unmarshal(data, (*int64)(d))
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}
