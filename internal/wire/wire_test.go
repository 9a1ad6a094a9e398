package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/internal/wire"
)

type sample struct {
	Name   string           `json:"name"`
	Note   string           `json:"note,omitempty"`
	Amount udecimal.Decimal `json:"amount"`
	Fee    udecimal.Decimal `json:"fee,omitzero"`
	Time   time.Time        `json:"time"`
	Count  int64            `json:"count,omitempty"`
	List   []string         `json:"list"`
}

func encoded(s *sample) []byte {
	b := wire.AppendVersion([]byte{'{'})
	b = wire.AppendString(b, "name", s.Name, false)
	b = wire.AppendString(b, "note", s.Note, true)
	b = wire.AppendDecimal(b, "amount", s.Amount, false)
	b = wire.AppendDecimal(b, "fee", s.Fee, true)
	b = wire.AppendTime(b, "time", s.Time)
	b = wire.AppendInt(b, "count", s.Count, true)
	return append(wire.AppendJSON(wire.AppendName(b, "list"), s.List), '}')
}

// TestAppend: what is appended is what encoding/json writes, and is read back.
func TestAppend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		decimal := func(label string) udecimal.Decimal {
			places := rapid.IntRange(0, 19).Draw(t, label+" places")
			v, err := udecimal.NewFromInt64(rapid.Int64().Draw(t, label), uint8(places))
			require.NoError(t, err)
			return v
		}
		s := &sample{Name: rapid.String().Draw(t, "name"), Note: rapid.String().Draw(t, "note"),
			Amount: decimal("amount"), Fee: decimal("fee"),
			Time:  time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "time")).UTC(),
			Count: rapid.Int64().Draw(t, "count"), List: rapid.SliceOf(rapid.String()).Draw(t, "list")}
		want, err := json.Marshal(s)
		require.NoError(t, err)
		require.Equal(t, `{"v":1,`+string(want[1:]), string(encoded(s)))
		back, err := wire.Decode[sample](encoded(s))
		require.NoError(t, err)
		require.True(t, wire.Same(s, back), "%+v came back as %+v", s, back)
		require.Equal(t, string(encoded(s)),
			string(append(wire.AppendFields(wire.AppendVersion([]byte{'{'}), s), '}')),
			"fields by encoding/json")
	})
}

func TestDecodeRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":             ``,
		"no version":          `{"name":"x"}`,
		"version not first":   `{"name":"x","v":1}`,
		"version alone":       `{"v":1}`,
		"another version":     `{"v":2,"name":"x"}`,
		"a version as text":   `{"v":"1","name":"x"}`,
		"a longer version":    `{"v":1.0,"name":"x"}`,
		"an unknown field":    `{"v":1,"name":"x","new":1}`,
		"another type":        `{"v":1,"name":7}`,
		"no decimal":          `{"v":1,"amount":"ten"}`,
		"cut off":             `{"v":1,"name":"x"`,
		"something behind it": `{"v":1,"name":"x"}{}`,
		"a space behind it":   `{"v":1,"name":"x"} `,
		"a space before it":   ` {"v":1,"name":"x"}`,
	} {
		got, err := wire.Decode[sample]([]byte(data))
		require.Error(t, err, name)
		require.Nil(t, got, "%s: a value and an error", name)
	}
	got, err := wire.Decode[sample]([]byte(`{"v":1,"name":"x"}`))
	require.NoError(t, err, "the smallest that is whole")
	require.Equal(t, "x", got.Name)
}

func TestTime(t *testing.T) {
	in := time.Date(2026, 3, 2, 14, 30, 1, 123456789, time.FixedZone("", -5*3600))
	require.Equal(t, time.Date(2026, 3, 2, 19, 30, 1, 123456000, time.UTC), wire.Time(in))
}

func TestSame(t *testing.T) {
	var padded udecimal.Decimal
	require.NoError(t, padded.UnmarshalText([]byte("1.50")))
	a, b := sample{Amount: udecimal.MustParse("1.5")}, sample{Amount: padded}
	require.True(t, wire.Same(a, b), "the zeros behind a number make no difference")
	b.Name = "x"
	require.False(t, wire.Same(a, b), "another name makes one")
	require.False(t, wire.Same(func() {}, func() {}), "what cannot be compared is not the same")
}
