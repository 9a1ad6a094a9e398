package risk

import (
	"bytes"
	"encoding/json"
	"maps"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// storedLimits are limits in the form in which a journal holds them: as the tags say, with
// durations in nanoseconds.
type storedLimits Limits

// limitsJSON are limits in the form in which a service sends them. The fields here take the place
// of the embedded fields of the same name.
type limitsJSON struct {
	storedLimits
	SecTypes          []ledger.SecType `json:"sec_types"`
	AllowedSymbols    []string         `json:"allowed_symbols"`
	RestrictedSymbols []string         `json:"restricted_symbols"`
	MarkAge           wire.Duration    `json:"mark_age"`
	RateAge           wire.Duration    `json:"rate_age"`
	DuplicateWindow   wire.Duration    `json:"duplicate_window,omitzero"`
	DayTrading        []DatedPolicy    `json:"day_trading"`
}

func newLimitsJSON(l Limits) limitsJSON {
	return limitsJSON{
		storedLimits: storedLimits(l), SecTypes: l.SecTypes, AllowedSymbols: l.AllowedSymbols,
		RestrictedSymbols: l.RestrictedSymbols, MarkAge: wire.Duration(l.MarkAge), RateAge: wire.Duration(l.RateAge),
		DuplicateWindow: wire.Duration(l.DuplicateWindow), DayTrading: l.DayTrading,
	}
}

// MarshalJSON writes durations as text, such as "5m", and empty lists as []. Journals and stores
// hold another form, with durations in nanoseconds.
func (l Limits) MarshalJSON() ([]byte, error) {
	out := newLimitsJSON(l)
	out.SecTypes, out.DayTrading = wire.List(out.SecTypes), wire.List(out.DayTrading)
	out.AllowedSymbols, out.RestrictedSymbols = wire.List(out.AllowedSymbols), wire.List(out.RestrictedSymbols)
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes, and durations in nanoseconds too. An empty list
// becomes nil. UnmarshalJSON refuses unknown fields: a limit that this library does not know must
// not go unheeded.
func (l *Limits) UnmarshalJSON(data []byte) error {
	in := newLimitsJSON(*l) // a field that data does not name stays as it was
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	*l = Limits(in.storedLimits)
	l.SecTypes, l.DayTrading = wire.NilIfEmpty(in.SecTypes), wire.NilIfEmpty(in.DayTrading)
	l.AllowedSymbols, l.RestrictedSymbols = wire.NilIfEmpty(in.AllowedSymbols), wire.NilIfEmpty(in.RestrictedSymbols)
	l.MarkAge, l.RateAge = time.Duration(in.MarkAge), time.Duration(in.RateAge)
	l.DuplicateWindow = time.Duration(in.DuplicateWindow)
	return nil
}

// MarshalJSON writes empty lists as [].
func (d Decision) MarshalJSON() ([]byte, error) {
	type plain Decision
	d.Violations, d.Warnings = wire.List(d.Violations), wire.List(d.Warnings)
	return json.Marshal(plain(d))
}

// MarshalJSON writes empty lists as [].
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report
	r.Orders, r.Breaches, r.Usage = wire.List(r.Orders), wire.List(r.Breaches), wire.List(r.Usage)
	return json.Marshal(plain(r))
}

// MarshalJSON writes empty lists as []. A journal leaves them out.
func (h Hold) MarshalJSON() ([]byte, error) {
	type plain Hold
	return json.Marshal(struct {
		plain
		Warnings []Violation `json:"warnings"`
	}{plain(h), wire.List(h.Warnings)})
}

// storedRefusal is a refusal as a journal holds it.
type storedRefusal Refusal

// MarshalJSON writes empty lists as [].
func (r Refusal) MarshalJSON() ([]byte, error) {
	r.Violations = wire.List(r.Violations)
	return json.Marshal(storedRefusal(r))
}

// storedState is a change of the trading state as a journal holds it: empty lists are left out.
type storedState StateChange

// MarshalJSON writes empty lists as []. A journal leaves them out.
func (s StateChange) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		storedState
		Recount []Rule `json:"recount"`
	}{storedState(s), wire.List(s.Recount)})
}

// storedPolicy is a PolicyChange as a journal holds it.
type storedPolicy struct {
	Version int64         `json:"version"`
	Status  ProfileStatus `json:"status"`
	Limits  storedLimits  `json:"limits"`
	Time    time.Time     `json:"time"`
}

func (c *PolicyChange) stored() storedPolicy {
	return storedPolicy{c.Version, c.Status, storedLimits(c.Limits), c.Time}
}

func (s *storedPolicy) change() *PolicyChange {
	return &PolicyChange{s.Version, s.Status, Limits(s.Limits), s.Time}
}

// storedRestatement is a restatement as a journal holds it: empty lists are left out.
type storedRestatement Restatement

// MarshalJSON writes empty lists as []. A journal leaves them out.
func (r Restatement) MarshalJSON() ([]byte, error) {
	r.Parts = maps.Clone(r.Parts)
	for key, parts := range r.Parts {
		r.Parts[key] = wire.List(parts)
	}
	return json.Marshal(struct {
		storedRestatement
		Orders    []WorkingOrder   `json:"orders"`
		Done      []ledger.OrderID `json:"done"`
		DayTrades []DayTradeCount  `json:"day_trades"`
		Sales     []Sale           `json:"sales"`
	}{storedRestatement(r), wire.List(r.Orders), wire.List(r.Done), wire.List(r.DayTrades), wire.List(r.Sales)})
}
