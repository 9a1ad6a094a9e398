package main

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// The JSON document. Money and quantities are strings; a figure that a side does not state is null.
type (
	document struct {
		Profiles []jsonProfile `json:"profiles"`
	}
	jsonProfile struct {
		ProfileID     accounts.ProfileID `json:"profile_id"`
		IBKRAccountID string             `json:"ibkr_account_id"`
		Trades        int64              `json:"trades"`
		Closings      []jsonClosing      `json:"closings"`
		OpenPositions []jsonPosition     `json:"open_positions"`
		Breaks        []jsonBreak        `json:"breaks"`
		Cash          []jsonMoney        `json:"cash"`
		Unrealized    []jsonMoney        `json:"unrealized"`
		Notes         []note             `json:"notes"`
		Unread        map[string]int     `json:"unread"` // rows by section
	}
	jsonMoney struct {
		Currency     ledger.Currency `json:"currency"`
		Amount       *ledger.Decimal `json:"amount"`
		BrokerAmount *ledger.Decimal `json:"broker_amount"`
	}
	jsonClosing struct {
		ExecID         ledger.ExecID   `json:"exec_id"`
		TransactionID  string          `json:"transaction_id"`
		ConID          string          `json:"conid"`
		Symbol         string          `json:"symbol"`
		Quantity       ledger.Decimal  `json:"quantity"`
		Realized       ledger.Decimal  `json:"realized"`
		BrokerRealized *ledger.Decimal `json:"broker_realized"`
		Inferred       bool            `json:"inferred"`
	}
	jsonPosition struct {
		ConID           string          `json:"conid"`
		Symbol          string          `json:"symbol"`
		Quantity        ledger.Decimal  `json:"quantity"`
		CostBasis       ledger.Decimal  `json:"cost_basis"`
		BrokerCostBasis *ledger.Decimal `json:"broker_cost_basis"`
		Inferred        bool            `json:"inferred"`
	}
	jsonBreak struct {
		ProfileID accounts.ProfileID `json:"profile_id"`
		reconcile.Break
	}
)

func writeJSON(w io.Writer, reports []*report) error {
	doc := document{Profiles: []jsonProfile{}}
	for _, r := range reports {
		doc.Profiles = append(doc.Profiles, r.json())
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func (r *report) json() jsonProfile {
	p := jsonProfile{
		ProfileID: r.profile.ID, IBKRAccountID: r.account, Trades: r.snapshot.Trades,
		Closings: []jsonClosing{}, OpenPositions: []jsonPosition{}, Breaks: []jsonBreak{},
		Notes: r.notes(), Unread: r.unread(),
	}
	totals := r.totals()
	p.Cash = totals.money("cash", func(f *figures) *ledger.Decimal { return &f.cash })
	p.Unrealized = totals.money("unrealized", func(f *figures) *ledger.Decimal { return &f.unrealized })
	for _, c := range r.closings {
		row := r.rows[c.Trade.ExecID]
		out := jsonClosing{
			ExecID: c.Trade.ExecID, TransactionID: row.TransactionID, ConID: conID(row.ConID), Symbol: row.Symbol,
			Quantity: c.Quantity, Realized: c.Realized, Inferred: c.Inferred,
		}
		if row.Closes && row.Realized.Valid {
			out.BrokerRealized = &row.Realized.Value
		}
		p.Closings = append(p.Closings, out)
	}
	for _, b := range r.breaks {
		p.Breaks = append(p.Breaks, jsonBreak{r.profile.ID, b})
	}
	for _, pos := range r.openPositions() {
		p.OpenPositions = append(p.OpenPositions, jsonPosition{
			ConID: conID(pos.instrument.ConID), Symbol: symbol(pos.instrument), Quantity: pos.quantity,
			CostBasis: pos.basis, BrokerCostBasis: pos.brokerBasis, Inferred: pos.inferred,
		})
	}
	return p
}

// money lists one figure of both sides by currency.
func (s sides) money(what string, of func(*figures) *ledger.Decimal) []jsonMoney {
	list := []jsonMoney{}
	for _, currency := range slices.Sorted(maps.Keys(s)) {
		ours, theirs := s.of(currency)
		m := jsonMoney{Currency: currency}
		if ours.known[what] {
			m.Amount = of(ours)
		}
		if theirs.known[what] {
			m.BrokerAmount = of(theirs)
		}
		if m.Amount != nil || m.BrokerAmount != nil {
			list = append(list, m)
		}
	}
	return list
}

func conID(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// openPosition is one contract that is held, by the book or by the broker.
type openPosition struct {
	instrument  ledger.Instrument
	quantity    ledger.Decimal
	basis       ledger.Decimal
	brokerBasis *ledger.Decimal
	inferred    bool
}

func (r *report) openPositions() []openPosition {
	broker := map[ledger.InstrumentKey]reconcile.Position{}
	for _, b := range r.last.Broker.Positions {
		broker[b.Instrument.Key()] = b
	}
	var out []openPosition
	for _, pos := range r.snapshot.Open {
		o := openPosition{instrument: pos.Instrument, quantity: pos.Quantity, basis: pos.Basis}
		for _, l := range pos.Lots {
			o.inferred = o.inferred || l.Inferred
		}
		key := pos.Instrument.Key()
		o.brokerBasis = broker[key].Basis
		delete(broker, key)
		out = append(out, o)
	}
	for _, b := range r.last.Broker.Positions {
		if _, ours := broker[b.Instrument.Key()]; ours && !b.Quantity.IsZero() {
			out = append(out, openPosition{instrument: b.Instrument, brokerBasis: b.Basis})
		}
	}
	return out
}
