package accounts

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// checkpointVersion is the version of a checkpoint's state. A checkpoint of any other version is as
// good as none: the journal is folded from the beginning.
const checkpointVersion = 2

// bookRecord is a book as a checkpoint keeps it.
type bookRecord struct {
	Base      Currency                 `json:"base"`
	Trades    int64                    `json:"trades"`
	Positions []Position               `json:"positions"`
	Cash      map[Currency]CashBalance `json:"cash"`
	Pending   []PendingPremium         `json:"pending,omitempty"`
	Changes   []Amendment              `json:"changes"`
	Equity    EquityPoint              `json:"equity"`
}

// record returns the book as a checkpoint keeps it. It shares what the book never changes.
func (b *Book) record() bookRecord {
	r := bookRecord{
		Base: b.base, Trades: b.trades, Positions: b.Positions(), Cash: b.Cash(), Pending: b.pending, Equity: b.equity,
	}
	for _, a := range b.changes {
		r.Changes = append(r.Changes, a)
	}
	slices.SortFunc(r.Changes, func(a, b Amendment) int { return cmp.Compare(a.Place, b.Place) })
	return r
}

// book returns the book that the record is of. It takes the record's slices over.
func (r bookRecord) book() *Book {
	b := NewBook(r.Base)
	b.trades, b.pending, b.equity = r.Trades, r.Pending, r.Equity
	for _, p := range r.Positions {
		b.set(p)
	}
	for currency, cash := range r.Cash {
		*b.balance(currency) = cash
	}
	for _, a := range r.Changes {
		b.changes[a.Place] = a
	}
	return b
}

// accountRecord is an account as a checkpoint keeps it.
type accountRecord struct {
	bookRecord
	Risk riskRecord `json:"risk"`
}

func (a *account) record() accountRecord {
	return accountRecord{a.Book.record(), a.risk.record()}
}

// account returns the account that the record is of. It takes the record's maps and slices over. An error says that
// the time zone of its limits cannot be loaded.
func (r accountRecord) account() (*account, error) {
	if r.Risk.Policy != nil {
		if _, err := r.Risk.Policy.Limits.location(); err != nil {
			return nil, err
		}
	}
	return &account{Book: r.bookRecord.book(), risk: r.Risk.state(), stale: stale{all: true, cash: true}}, nil
}

// foldRecord is a fold as a checkpoint keeps it.
type foldRecord struct {
	Version int `json:"v"`
	accountRecord
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
	for _, key := range slices.Sorted(maps.Keys(r.working)) {
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

// checkpoint returns the fold in the form that a store keeps: a SHA-256 over what it stands for
// and the state, then the state.
func (f *fold) checkpoint() (Checkpoint, error) {
	data, err := json.Marshal(foldRecord{checkpointVersion, f.account.record()})
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint of profile %q: %w", f.profile, err)
	}
	c := Checkpoint{ProfileID: f.profile, Seq: f.seq, Hash: f.hash}
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

// foldFrom returns the fold that a checkpoint stands for; ok is false when it cannot be used.
func foldFrom(c Checkpoint, id ProfileID, base Currency) (f *fold, ok bool) {
	if c.ProfileID != id || c.Seq < 1 || len(c.State) < sha256.Size {
		return nil, false
	}
	state := c.State[sha256.Size:]
	if c.sum(state) != Hash(c.State[:sha256.Size]) {
		return nil, false
	}
	var r foldRecord
	dec := json.NewDecoder(bytes.NewReader(state))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil || r.Version != checkpointVersion || r.Base != base {
		return nil, false
	}
	a, err := r.account()
	if err != nil {
		return nil, false
	}
	return &fold{account: a, profile: id, seq: c.Seq, hash: c.Hash}, true
}
