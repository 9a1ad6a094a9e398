package accounts

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/internal/payloadtest"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

func d(s string) ledger.Decimal { return udecimal.MustParse(s) }

// payloads is one full and one sparse payload of every kind.
func payloads() (all []payload) {
	for _, p := range payloadtest.Ledger() {
		all = append(all, p)
	}
	for _, p := range payloadtest.Risk() {
		all = append(all, p)
	}
	return append(all,
		&CredentialAccess{Action: "get", By: "anna", Outcome: "refused", Attempts: 3, Time: payloadtest.Time},
		&CredentialAccess{Action: "set", Login: "main", Kind: credentials.FlexToken, Through: "p", Outcome: "ok", Time: payloadtest.Time},
		&CredentialAccess{Action: "get", Outcome: "begun", Time: payloadtest.Time})
}

// byTags is a payload that encoding/json writes as the tags say, and not as a service sends it.
func byTags(p payload) any {
	type (
		hold     risk.Hold
		refusal  risk.Refusal
		state    risk.StateChange
		opening  ledger.Opening
		transfer ledger.Transfer
		limits   risk.Limits
		recount  risk.Restatement
		position ledger.Position
		equity   ledger.EquityPoint
	)
	switch p := p.(type) {
	case *risk.Hold:
		return (*hold)(p)
	case *risk.Refusal:
		return (*refusal)(p)
	case *risk.StateChange:
		return (*state)(p)
	case *ledger.Opening:
		return (*opening)(p)
	case *ledger.Transfer:
		return (*transfer)(p)
	case *ledger.EquityPoint:
		return (*equity)(p)
	case *risk.PolicyChange:
		return struct {
			Version int64         `json:"version"`
			Status  ProfileStatus `json:"status"`
			Limits  limits        `json:"limits"`
			Time    time.Time     `json:"time"`
		}{p.Version, p.Status, limits(p.Limits), p.Time}
	case *risk.Restatement:
		return (*recount)(p)
	case *ledger.Restatement:
		var positions []position
		for _, x := range p.Positions {
			positions = append(positions, position(x))
		}
		return struct {
			Positions []position                             `json:"positions,omitempty"`
			Cash      map[ledger.Currency]ledger.CashBalance `json:"cash,omitempty"`
			Pending   []ledger.PendingPremium                `json:"pending,omitempty"`
			Trades    int64                                  `json:"trades"`
			Shifts    []ledger.Shift                         `json:"shifts,omitempty"`
		}{positions, p.Cash, p.Pending, p.Trades, p.Shifts}
	}
	return p
}

func TestPayloadsAreWhatEncodingJSONWrites(t *testing.T) {
	for _, p := range payloads() {
		want, err := json.Marshal(byTags(p))
		require.NoError(t, err)
		require.Equal(t, `{"v":1,`+string(want[1:]), string(encodePayload(nil, p)), "payload of kind %s", kindOf(p))
	}
}

func TestPayloadsReadBack(t *testing.T) {
	for _, p := range payloads() {
		back, err := decodePayload(kindOf(p), encodePayload(nil, p))
		require.NoError(t, err)
		require.Equal(t, string(encodePayload(nil, p)), string(encodePayload(nil, back)), "payload of kind %s", kindOf(p))
		require.IsType(t, p, back, "payload of kind %s", kindOf(p))
	}
}

func TestUnreadablePayloads(t *testing.T) {
	for name, c := range map[string]struct{ kind, data string }{
		"no version":              {"trade", `{"exec_id":"x"}`},
		"version not first":       {"trade", `{"exec_id":"x","v":1}`},
		"version alone":           {"trade", `{"v":1}`},
		"a later version":         {"trade", `{"v":2,"exec_id":"x"}`},
		"an unknown field":        {"trade", `{"v":1,"exec_id":"x","new":1}`},
		"an unknown kind":         {"order", `{"v":1,"exec_id":"x"}`},
		"a number as text":        {"trade", `{"v":1,"quantity":"ten"}`},
		"a decimal too fine":      {"trade", `{"v":1,"quantity":"0.00000000000000000001"}`},
		"something behind it":     {"trade", `{"v":1,"exec_id":"x"}{}`},
		"cut off":                 {"trade", `{"v":1,"exec_id":"x"`},
		"nothing":                 {"trade", ``},
		"an empty amendment":      {"amendment", `{"v":1,"place":1}`},
		"two amendments":          {"amendment", `{"v":1,"place":1,"cancellation":{},"trade":{}}`},
		"lots that do not add up": {"restatement", `{"v":1,"positions":[{"quantity":"5","lots":[{"quantity":"4"}]}],"trades":1}`},
		"no such date":            {"trade", `{"v":1,"instrument":{"expiry":"2025-02-30"}}`},
	} {
		e := Entry{ProfileID: "p", Seq: 7, Kind: ledger.EntryKind(c.kind), Payload: []byte(c.data)}
		_, err := e.Decode()
		var corrupt *CorruptError
		require.ErrorAs(t, err, &corrupt, name)
		require.Equal(t, int64(7), corrupt.Seq, name)
	}
}

// FuzzDecodeEntry reads any bytes as any kind of entry: an error or a payload that a book can
// fold and that is written and read again without a change.
func FuzzDecodeEntry(f *testing.F) {
	for _, p := range payloads() {
		f.Add(string(kindOf(p)), encodePayload(nil, p))
	}
	f.Add("trade", []byte(`{"v":1,"exec_id":"x","quantity":"1e9"}`))
	f.Add("", []byte(`{"v":1,}`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		p, err := decodePayload(ledger.EntryKind(kind), data)
		if err != nil {
			return
		}
		again, err := decodePayload(ledger.EntryKind(kind), encodePayload(nil, p))
		require.NoError(t, err, "what was read must be written so that it can be read")
		require.Equal(t, string(encodePayload(nil, p)), string(encodePayload(nil, again)))
		book := newFold("p", "USD")
		book.apply(p, 1)
		book.apply(fill(1), 2) // whatever the payload left must bear being traded on
		refolded := ledger.NewRefold("USD", book.Amendments(), func(int64, ledger.Payload, ledger.Closed) {})
		if f, ok := p.(ledger.Payload); ok {
			refolded.Add(1, f)
		}
		refolded.Finish()
	})
}

func TestCheckpointStandsForTheBook(t *testing.T) {
	b := newFold("p", "USD")
	for i, p := range payloads()[:7] {
		b.apply(p, int64(i+1))
	}
	b.apply(&ledger.Amendment{Place: 2, Cancellation: &ledger.Cancellation{ExecID: "c", Cancels: "x", Time: payloadtest.Time}}, 8)
	b.hash = Hash{1, 2, 3}
	c, err := b.checkpoint()
	require.NoError(t, err)
	back, ok := foldFrom(c, "p", "USD")
	require.True(t, ok)
	require.True(t, wire.Same(b.Record(), back.Record()), "the book changed on its way through a checkpoint")
	require.Equal(t, b.hash, back.hash)
	require.Equal(t, b.seq, back.seq)

	for i := range c.State {
		damaged := c
		damaged.State = append([]byte(nil), c.State...)
		damaged.State[i] ^= 1
		_, ok := foldFrom(damaged, "p", "USD")
		require.False(t, ok, "byte %d was changed and nobody noticed", i)
	}
	for name, other := range map[string]func(*Checkpoint){
		"another profile": func(c *Checkpoint) { c.ProfileID = "q" },
		"another place":   func(c *Checkpoint) { c.Seq++ },
		"another hash":    func(c *Checkpoint) { c.Hash[0]++ },
		"no state":        func(c *Checkpoint) { c.State = nil },
	} {
		moved := c
		other(&moved)
		_, ok := foldFrom(moved, moved.ProfileID, "USD")
		require.False(t, ok, name)
	}
	_, ok = foldFrom(c, "p", "EUR")
	require.False(t, ok, "a book in another base currency is another book")
}

// A checkpoint whose trading days are those of a zone that this machine has not got is as good as none.
func TestCheckpointInAnUnknownZoneIsNotUsed(t *testing.T) {
	limits := DefaultLimits(Level100K, RiskBalanced)
	limits.TimeZone = "Europe/Berlin"
	b := newFold("p", "USD")
	b.apply(&risk.PolicyChange{Version: 1, Status: StatusActive, Limits: limits, Time: payloadtest.Time}, 1)
	known, err := b.checkpoint()
	require.NoError(t, err)
	for name, want := range map[string]bool{"Europe/Berlin": true, "America/New_York": true, "Europe/Atlantis": false, "Local": false} {
		c := known
		state := bytes.ReplaceAll(known.State[sha256.Size:], []byte(`"Europe/Berlin"`), []byte(`"`+name+`"`))
		sum := c.sum(state)
		c.State = append(sum[:], state...)
		back, ok := foldFrom(c, "p", "USD")
		require.Equal(t, want, ok, "zone %q", name)
		if ok {
			require.Equal(t, name, back.Zone().String(), "the days are another zone's")
		}
	}
}

// fill is one fill of a steady market: buys and sells of 100 that leave a few lots open.
func fill(i int) *ledger.Trade {
	t := &ledger.Trade{ExecID: "0000d514.5159662d.01.01", Kind: ledger.Execution, Instrument: ledger.NewStock("XYZ", "USD"), Quantity: d("100"), Price: d("41.37"),
		Commission: d("1.000188"), Time: payloadtest.Time}
	if i%2 == 1 {
		t.Quantity = d("-75")
	}
	if i%8 == 7 {
		t.Quantity = d("-175")
	}
	if err := t.Normalize(); err != nil {
		panic(err)
	}
	return t
}

func TestFoldingAFillDoesNotAllocate(t *testing.T) {
	b, fills := newFold("p", "USD"), steadyFills()
	for i, f := range fills {
		b.apply(f, int64(i)+1)
	}
	next := 0
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		b.apply(fills[next%len(fills)], int64(next+100))
		next++
	}), "allocations per fill")
}

func steadyFills() (fills []*ledger.Trade) {
	for i := range 64 {
		fills = append(fills, fill(i))
	}
	return fills
}

func BenchmarkFold(b *testing.B) {
	book, fills := newFold("p", "USD"), steadyFills()
	b.ReportAllocs()
	for i := range b.N {
		book.apply(fills[i%len(fills)], int64(i)+1)
	}
}

func BenchmarkEncodeTrade(b *testing.B) {
	t, buffer := fill(0), make([]byte, 0, 1024)
	b.ReportAllocs()
	for range b.N {
		buffer = encodePayload(buffer[:0], t)
	}
}

func BenchmarkDecodeTrade(b *testing.B) {
	option := fill(0)
	option.Instrument = ledger.NewOption("XYZ", 20260320, ledger.Call, d("52.5"), "USD")
	for name, t := range map[string]*ledger.Trade{"stock": fill(0), "option": option} {
		b.Run(name, func(b *testing.B) {
			data := encodePayload(nil, t)
			b.ReportAllocs()
			for range b.N {
				if _, err := decodePayload(ledger.KindTrade, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestSumScratchMakesNoDifference(t *testing.T) {
	e := Entry{ProfileID: "p", Seq: 1, Kind: "trade", Key: "x:1", Time: payloadtest.Time, Payload: []byte(`{"v":1}`)}
	for _, size := range []int{0, 10, 4096} {
		scratch := bytes.Repeat([]byte{0xAA}, size)
		require.Equal(t, e.Sum(), e.sum(scratch), "with a scratch of %d bytes", size)
	}
}
