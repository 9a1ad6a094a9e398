package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Decode reads a payload: a JSON object whose first field is its version. It is strict, since an
// unknown field might matter: it returns an error for an unknown version, an unknown field, and
// data behind the object.
func Decode[T any](data []byte) (*T, error) {
	const prefix = `{"v":`
	if !bytes.HasPrefix(data, []byte(prefix)) {
		return nil, fmt.Errorf("payload does not begin with its version: %.20q", data)
	}
	comma := bytes.IndexByte(data, ',')
	if comma < 0 {
		return nil, fmt.Errorf("payload has no fields: %.20q", data)
	}
	if v := string(data[len(prefix):comma]); v != strconv.Itoa(Version) {
		return nil, fmt.Errorf("payload version %.20q, this library reads %d", v, Version)
	}
	body := append([]byte{'{'}, data[comma+1:]...)
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	out := new(T)
	if err := dec.Decode(out); err != nil {
		return nil, fmt.Errorf("unreadable payload: %w", err)
	}
	if dec.InputOffset() != int64(len(body)) {
		return nil, fmt.Errorf("payload goes on behind its end")
	}
	return out, nil
}

// Time returns t in UTC, cut to microseconds.
func Time(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Same reports whether a and b are written as the same JSON. Decimals have several forms of one
// number, which comparison with == would tell apart.
func Same(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
