package flex

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// renamed is a contract that the statement calls otherwise than the book.
type renamed struct {
	old ledger.Instrument
	now ledger.InstrumentKey
	at  time.Time // when the book goes over to the new name: behind all that it knows
}

// renameHeld moves what the book holds of a contract to the name that the statement has for it.
func (p *planner) renameHeld() (all []renamed) {
	for i := range p.held.Positions {
		pos := &p.held.Positions[i]
		inst, ok := p.Instruments[pos.Instrument.ConID]
		if !ok || inst.Key() == pos.Instrument.Key() || inst.Currency != pos.Instrument.Currency || pos.Quantity.IsZero() {
			continue
		}
		at := p.start()
		if at.Before(pos.LastTrade) {
			at = pos.LastTrade
		}
		p.extra = append(p.extra, ledger.Split{ID: fmt.Sprintf("%s%d-%s", renamePrefix, inst.ConID, at.Format("20060102150405")),
			From: pos.Instrument, To: inst, Numerator: unit, Denominator: unit, Time: at})
		all = append(all, renamed{pos.Instrument, inst.Key(), at})
		pos.Instrument = inst
	}
	return all
}

// useFormerNames records what happened before the book goes over to a new name under the old one,
// by which the book holds the contract then.
func (p *planner) useFormerNames() {
	former := func(inst *ledger.Instrument, at time.Time) *ledger.Instrument {
		for i := range p.renames {
			if r := &p.renames[i]; inst.Key() == r.now && !at.After(r.at) {
				return &r.old
			}
		}
		return inst
	}
	if len(p.renames) == 0 {
		return
	}
	for _, e := range p.events {
		switch {
		case e.known:
		case e.split != nil:
			e.split.From, e.split.To = *former(&e.split.From, e.at), *former(&e.split.To, e.at)
		case e.transfer != nil:
			e.transfer.Instrument = *former(&e.transfer.Instrument, e.at)
		case e.trade != nil:
			e.trade.Instrument = former(e.trade.Instrument, e.at)
		}
	}
}
