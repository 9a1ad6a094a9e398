package accounts

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// bookVersion is the version of a checkpoint's state. A checkpoint of any other version is as
// good as none: the book is folded from the journal.
const bookVersion = 1

// bookState is a book as a checkpoint keeps it.
type bookState struct {
	Version   int                      `json:"v"`
	Base      Currency                 `json:"base"`
	Trades    int64                    `json:"trades"`
	Positions []Position               `json:"positions"`
	Cash      map[Currency]CashBalance `json:"cash"`
	Pending   []PendingPremium         `json:"pending,omitempty"`
	Changes   []Amendment              `json:"changes"`
	Equity    EquityPoint              `json:"equity"`
	HighWater Decimal                  `json:"high_water"`
}

func (b *Book) state() bookState {
	s := bookState{
		Version: bookVersion, Base: b.base, Trades: b.trades, Positions: b.Positions(), Cash: b.Cash(),
		Pending: b.pending, Equity: b.equity, HighWater: b.highWater,
	}
	for _, a := range b.changes {
		s.Changes = append(s.Changes, a)
	}
	sortByPlace(s.Changes)
	return s
}

// checkpoint returns the book in the form that a store keeps: a SHA-256 over what it stands for
// and the state, then the state.
func (b *Book) checkpoint() (Checkpoint, error) {
	data, err := json.Marshal(b.state())
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint of profile %q: %w", b.profile, err)
	}
	c := Checkpoint{ProfileID: b.profile, Seq: b.seq, Hash: b.hash}
	sum := c.sum(data)
	c.State = append(sum[:], data...)
	return c, nil
}

func (c *Checkpoint) sum(state []byte) Hash {
	b := append([]byte(c.ProfileID), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Seq))
	b = append(b, c.Hash[:]...)
	return sha256.Sum256(append(b, state...))
}

// bookFrom returns the book that a checkpoint stands for; ok is false when it cannot be used.
func bookFrom(c Checkpoint, id ProfileID, base Currency) (b *Book, ok bool) {
	if c.ProfileID != id || c.Seq < 1 || len(c.State) < sha256.Size {
		return nil, false
	}
	state := c.State[sha256.Size:]
	if c.sum(state) != Hash(c.State[:sha256.Size]) {
		return nil, false
	}
	var s bookState
	dec := json.NewDecoder(bytes.NewReader(state))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil || s.Version != bookVersion || s.Base != base {
		return nil, false
	}
	b = NewBook(id, base)
	b.seq, b.hash, b.trades = c.Seq, c.Hash, s.Trades
	for _, p := range s.Positions {
		b.set(p)
	}
	for currency, cash := range s.Cash {
		*b.balance(currency) = cash
	}
	for _, a := range s.Changes {
		b.changes[a.Place] = a
	}
	b.pending, b.equity, b.highWater = s.Pending, s.Equity, s.HighWater
	return b, true
}
