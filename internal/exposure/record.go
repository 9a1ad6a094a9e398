package exposure

import (
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Record is the state of an account in a checkpoint.
type Record struct {
	ledger.Record
	Risk memoryRecord `json:"risk"`
}

// Record returns the account's state for a checkpoint. It shares memory with the account: encode it
// before the account changes.
func (a *Account) Record() Record {
	return Record{a.Book.Record(), a.memory.record()}
}

// Account returns the account with the recorded state, and takes over the record's maps and slices.
// It fails if the time zone of the recorded limits cannot be loaded.
func (r Record) Account() (*Account, error) {
	if r.Risk.Policy != nil {
		if _, err := r.Risk.Policy.change().Limits.Location(); err != nil {
			return nil, err
		}
	}
	return &Account{Book: r.Record.Book(), memory: r.Risk.memory(), stale: Stale{all: true, cash: true}}, nil
}

// memoryRecord is the state of a memory in a checkpoint.
type memoryRecord struct {
	Policy *storedPolicy `json:"policy,omitempty"`
	State  storedState   `json:"state"`
	// Orders are in the order of their holds within a contract.
	Orders  []risk.WorkingOrder                          `json:"orders,omitempty"`
	Tags    map[ledger.InstrumentKey][]risk.StrategyPart `json:"tags,omitempty"`
	Sectors []sectorRecord                               `json:"sectors,omitempty"`
	Recent  []sent                                       `json:"recent,omitempty"`
	Day     dayCount                                     `json:"day"`
	Trades  []dayCount                                   `json:"trades,omitempty"`
	Opened  map[ledger.InstrumentKey]ledger.Date         `json:"opened,omitempty"`
	Sales   []risk.Sale                                  `json:"sales,omitempty"`
	Refused []risk.Incident                              `json:"refused,omitempty"`
	Loss    lossState                                    `json:"loss"`
	Fences  map[string]int64                             `json:"fences,omitempty"`
}

// storedState is a change of the trading state in the form in which a checkpoint holds it: as the
// tags say.
type storedState risk.StateChange

// storedPolicy is a policy in the form in which a checkpoint holds it.
type storedPolicy struct {
	Version int64              `json:"version"`
	Status  risk.ProfileStatus `json:"status"`
	Limits  storedLimits       `json:"limits"`
	Time    time.Time          `json:"time"`
}

// storedLimits are limits as the tags say, with durations in nanoseconds.
type storedLimits risk.Limits

func (s *storedPolicy) change() *risk.PolicyChange {
	return &risk.PolicyChange{Version: s.Version, Status: s.Status, Limits: risk.Limits(s.Limits), Time: s.Time}
}

// sectorRecord is the sector of one underlying.
type sectorRecord struct {
	Underlying underlyingKey `json:"underlying"`
	Sector     string        `json:"sector"`
}

// record returns the memory's state for a checkpoint.
func (r *memory) record() memoryRecord {
	s := memoryRecord{
		State: storedState(r.state), Tags: r.tags, Recent: r.recent.list(), Day: r.day, Trades: r.trades, Opened: r.opened.days(),
		Sales: r.sales, Refused: r.refused, Loss: r.loss, Fences: r.fences,
	}
	if r.policy != nil {
		s.Policy = &storedPolicy{Version: r.policy.version, Status: r.policy.status, Limits: storedLimits(r.policy.limits)}
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

// memory returns the memory with the recorded state, and takes over the record's maps and slices.
func (s memoryRecord) memory() memory {
	r := newMemory()
	r.state, r.recent = risk.StateChange(s.State), recent{orders: s.Recent}
	r.day, r.trades = s.Day, s.Trades
	r.sales, r.refused, r.loss, r.fences = s.Sales, s.Refused, s.Loss, s.Fences
	if s.Policy != nil {
		r.setPolicy(s.Policy.change())
	}
	for i := range s.Orders {
		o := &s.Orders[i]
		w := workingOf(o)
		w.filled = o.Filled
		r.orders[w.ID] = w
		r.working[w.key] = append(r.working[w.key], w)
	}
	for key, list := range s.Tags {
		r.tags[key] = list
	}
	r.opened = openingsOf(s.Opened)
	for _, x := range s.Sectors {
		r.sectors[x.Underlying] = x.Sector
	}
	return r
}
