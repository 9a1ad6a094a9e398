package accounts

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// bookVersion is the version of a checkpoint's state. A checkpoint of any other version is as
// good as none: the book is folded from the journal.
const bookVersion = 2

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
	Risk      riskRecord               `json:"risk"`
}

// riskRecord is a riskState as a checkpoint keeps it.
type riskRecord struct {
	Policy  *PolicyChange           `json:"policy,omitempty"`
	State   StateChange             `json:"state"`
	Orders  []WorkingOrder          `json:"orders,omitempty"` // in the order of their holds within a contract
	Tags    map[InstrumentKey][]tag `json:"tags,omitempty"`
	Sectors []sectorRecord          `json:"sectors,omitempty"`
	Recent  []sent                  `json:"recent,omitempty"`
	Day     dayCount                `json:"day"`
	Trades  []dayCount              `json:"trades,omitempty"`
	Opened  map[InstrumentKey]Date  `json:"opened,omitempty"`
	Sales   []sale                  `json:"sales,omitempty"`
	Refused []Refused               `json:"refused,omitempty"`
	Loss    lossState               `json:"loss"`
}

type sectorRecord struct {
	Underlying underlyingKey `json:"underlying"`
	Sector     string        `json:"sector"`
}

func (r *riskState) record() riskRecord {
	s := riskRecord{
		State: r.state, Tags: r.tags, Recent: r.recent, Day: r.day, Trades: r.trades, Opened: r.opened,
		Sales: r.sales, Refused: r.refused, Loss: r.loss,
	}
	if r.policy != nil {
		s.Policy = &PolicyChange{Version: r.policy.version, Status: r.policy.status, Limits: r.policy.limits}
	}
	for _, key := range sortedKeys(r.working) {
		for _, w := range r.working[key] {
			s.Orders = append(s.Orders, w.public())
		}
	}
	for u, sector := range r.sectors {
		s.Sectors = append(s.Sectors, sectorRecord{u, sector})
	}
	slices.SortFunc(s.Sectors, func(a, b sectorRecord) int { return a.Underlying.compare(b.Underlying) })
	return s
}

// state returns the riskState that the record is of. It takes the record's maps and slices over.
func (s riskRecord) state() riskState {
	r := newRiskState()
	r.state, r.recent, r.day, r.trades = s.State, s.Recent, s.Day, s.Trades
	r.sales, r.refused, r.loss = s.Sales, s.Refused, s.Loss
	if s.Policy != nil {
		r.setPolicy(s.Policy)
	}
	for i := range s.Orders {
		o := &s.Orders[i]
		w := &working{Order: &o.Order, filled: o.Filled, heldAt: o.HeldAt, key: o.Instrument.Key()}
		r.orders[w.ID] = w
		r.working[w.key] = append(r.working[w.key], w)
	}
	for key, list := range s.Tags {
		r.tags[key] = list
	}
	for key, date := range s.Opened {
		r.opened[key] = date
	}
	for _, x := range s.Sectors {
		r.sectors[x.Underlying] = x.Sector
	}
	return r
}

func (b *Book) state() bookState {
	s := bookState{
		Version: bookVersion, Base: b.base, Trades: b.trades, Positions: b.Positions(), Cash: b.Cash(),
		Pending: b.pending, Equity: b.equity, Risk: b.risk.record(),
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
	if s.Risk.Policy != nil {
		if _, err := s.Risk.Policy.Limits.location(); err != nil {
			return nil, false
		}
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
	b.pending, b.equity, b.risk = s.Pending, s.Equity, s.Risk.state()
	return b, true
}
