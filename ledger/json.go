package ledger

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/ai-ots/accounts/internal/wire"
)

// storedPosition is a position in the form in which a journal and a checkpoint hold it: as the tags
// say, without a list of lots if there are none.
type storedPosition Position

func storedPositions(list []Position) []storedPosition {
	if list == nil {
		return nil
	}
	out := make([]storedPosition, len(list))
	for i, p := range list {
		out[i] = storedPosition(p)
	}
	return out
}

// MarshalJSON writes empty lists as []. Journals leave them out.
func (p Position) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		storedPosition
		Lots []Lot `json:"lots"`
	}{storedPosition(p), wire.List(p.Lots)})
}

// MarshalJSON writes the position's fields and the others side by side, and empty lists as [].
func (v PositionValue) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		storedPosition
		Lots       []Lot   `json:"lots"`
		Mark       Mark    `json:"mark,omitzero"`
		Value      Decimal `json:"value"`
		Unrealized Decimal `json:"unrealized"`
	}{storedPosition(v.Position), wire.List(v.Lots), v.Mark, v.Value, v.Unrealized})
}

// storedOpening is an opening as a journal holds it.
type storedOpening Opening

// MarshalJSON writes empty lists as [].
func (o Opening) MarshalJSON() ([]byte, error) {
	o.Lots = wire.List(o.Lots)
	return json.Marshal(storedOpening(o))
}

// storedTransfer is a transfer as a journal holds it: without a list of lots if there are none.
type storedTransfer Transfer

// MarshalJSON writes empty lists as [].
func (t Transfer) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		storedTransfer
		Lots []Lot `json:"lots"`
	}{storedTransfer(t), wire.List(t.Lots)})
}

// storedPoint is an equity point as a journal and a checkpoint hold it: empty lists are left out.
type storedPoint EquityPoint

// MarshalJSON writes empty lists as [].
func (p EquityPoint) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		storedPoint
		Unrated []Currency `json:"unrated"`
	}{storedPoint(p), wire.List(p.Unrated)})
}

// storedRestatement is a restatement as a journal holds it: empty lists are left out.
type storedRestatement struct {
	Positions []storedPosition         `json:"positions,omitempty"`
	Cash      map[Currency]CashBalance `json:"cash,omitempty"`
	Pending   []PendingPremium         `json:"pending,omitempty"`
	Trades    int64                    `json:"trades"`
	Shifts    []Shift                  `json:"shifts,omitempty"`
}

func (r *Restatement) stored() storedRestatement {
	return storedRestatement{storedPositions(r.Positions), r.Cash, r.Pending, r.Trades, r.Shifts}
}

// MarshalJSON writes empty lists as [] and an empty map as {}. A journal leaves them out.
func (r Restatement) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Positions []Position               `json:"positions"`
		Cash      map[Currency]CashBalance `json:"cash"`
		Pending   []PendingPremium         `json:"pending"`
		Trades    int64                    `json:"trades"`
		Shifts    []Shift                  `json:"shifts"`
	}{wire.List(r.Positions), wire.Map(r.Cash), wire.List(r.Pending), r.Trades, wire.List(r.Shifts)})
}

// MarshalJSON writes empty lists as [].
func (t Totals) MarshalJSON() ([]byte, error) {
	type plain Totals
	t.NoMark, t.NoRate, t.Unrated = wire.List(t.NoMark), wire.List(t.NoRate), wire.List(t.Unrated)
	return json.Marshal(plain(t))
}

// MarshalJSON writes empty maps as {}.
func (p Prices) MarshalJSON() ([]byte, error) {
	type plain Prices
	p.Marks, p.Rates = wire.Map(p.Marks), wire.Map(p.Rates)
	return json.Marshal(plain(p))
}

// cashTotalsJSON are cash totals with the currencies that Known asks about, in ascending order.
type cashTotalsJSON struct {
	plainCashTotals
	NoRate  []Currency `json:"no_rate"`
	Unrated []Currency `json:"unrated"`
}

type plainCashTotals CashTotals

// MarshalJSON adds the currencies that could not be converted: "no_rate" lists those of balances,
// "unrated" those of capital.
func (t CashTotals) MarshalJSON() ([]byte, error) {
	return json.Marshal(cashTotalsJSON{plainCashTotals(t),
		wire.List(slices.Sorted(maps.Keys(t.noRate))), wire.List(slices.Sorted(maps.Keys(t.unrated)))})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *CashTotals) UnmarshalJSON(data []byte) error {
	in := cashTotalsJSON{plainCashTotals: plainCashTotals(*t)}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*t = CashTotals(in.plainCashTotals)
	t.noRate, t.unrated = currencySet(in.NoRate), currencySet(in.Unrated)
	return nil
}

func currencySet(list []Currency) map[Currency]bool {
	if len(list) == 0 {
		return nil
	}
	set := make(map[Currency]bool, len(list))
	for _, c := range list {
		set[c] = true
	}
	return set
}
