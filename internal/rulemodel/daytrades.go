package rulemodel

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// policy is the day-trade policy of today.
func (j *judge) policy() risk.DayTradePolicy {
	p := risk.DayTradesFree
	for _, d := range j.limits.DayTrading {
		if d.From <= j.today() {
			p = d.Policy
		}
	}
	return p
}

// dayTrades counts the day trades of today and the four business days before: a sale of what was
// bought on the same day, or the other way around. Consecutive closings of what was opened that day
// are one day trade until more is opened.
func (j *judge) dayTrades() int {
	from := j.today()
	for n := 0; n < 4; {
		from = ledger.DateOf(from.Time(time.UTC).AddDate(0, 0, -1))
		if businessDay(from) {
			n++
		}
	}
	type place struct {
		key ledger.InstrumentKey
		day ledger.Date
	}
	opened := map[place]rat{} // what was opened that day and is still open, signed
	closing := map[place]bool{}
	held := map[ledger.InstrumentKey]rat{}
	count := 0
	// Once a transfer has left nothing of what there was, nothing was opened today; and no more was
	// than there is.
	moved := func(p placed, i ledger.Instrument, quantity ledger.Decimal) {
		key := i.Key()
		if held[key] == nil {
			held[key] = new0()
		}
		was := held[key].Sign()
		held[key] = add(held[key], exact(quantity))
		at := place{key, j.dayOf(p.time)}
		switch q := opened[at]; {
		case held[key].Sign() != was:
			delete(opened, at)
			delete(closing, at)
		case q != nil && q.Sign() == was && less(size(held[key]), size(q)):
			opened[at] = held[key]
		}
	}
	for _, p := range j.inForce() {
		if p.split != nil { // what is held, and what was opened today, becomes more
			from, to := p.split.From.Key(), p.split.To.Key()
			ratio := div(exact(p.split.Numerator), exact(p.split.Denominator))
			day := j.dayOf(p.time)
			if p.split.SpinsOff() { // what comes beside it was opened when that was
				if held[from] != nil {
					if held[to] == nil {
						held[to] = new0()
					}
					held[to] = add(held[to], mul(held[from], ratio))
				}
				continue
			}
			if held[from] != nil {
				q := mul(held[from], ratio)
				delete(held, from)
				held[to] = q
			}
			if q := opened[place{from, day}]; q != nil {
				q = mul(q, ratio)
				delete(opened, place{from, day})
				opened[place{to, day}] = q
			}
			continue
		}
		if p.open != nil {
			for _, l := range p.open.Lots {
				moved(p, p.open.Instrument, l.Quantity)
			}
			continue
		}
		if p.move != nil {
			moved(p, p.move.Instrument, p.move.Quantity)
			continue
		}
		t := p.trade
		if t.Instrument.SecType == ledger.Forex {
			continue
		}
		key := t.Instrument.Key()
		at := place{key, j.dayOf(t.Time)}
		if held[key] == nil {
			held[key] = new0()
		}
		if opened[at] == nil {
			opened[at] = new0()
		}
		q := exact(t.Quantity)
		opens := q
		executed := t.Kind != ledger.Expiry && t.Kind != ledger.Assignment && t.Kind != ledger.Exercise
		if held[key].Sign() != 0 && held[key].Sign() != q.Sign() {
			closes := least(size(held[key]), size(q))
			if opened[at].Sign() != 0 && opened[at].Sign() != q.Sign() && executed {
				if !closing[at] && at.day >= from {
					count++
				}
				closing[at] = true
				back := least(closes, size(opened[at]))
				opened[at] = add(opened[at], mul(back, whole(int64(q.Sign()))))
			}
			opens = mul(sub(size(q), closes), whole(int64(q.Sign())))
		}
		if opens.Sign() != 0 && executed {
			opened[at] = add(opened[at], opens)
			closing[at] = false
		}
		if !executed {
			moved(p, t.Instrument, t.Quantity)
			continue
		}
		held[key] = add(held[key], q)
	}
	return count
}
