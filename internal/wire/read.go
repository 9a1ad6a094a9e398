package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Decode reads a payload that begins with its version, as encodePayload writes it. It is strict:
// a field this library does not know might matter.
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

// Time is t in UTC at microseconds.
func Time(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Same compares values that hold decimals, which have several forms of one number.
func Same(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
