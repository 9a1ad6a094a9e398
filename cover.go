package accounts

import "slices"

// uncovered is what short options on one underlying lack in cover, if everything works out for the worst.
type uncovered struct {
	calls      Decimal // shares that short calls would have to deliver
	puts       Decimal // shares that short puts would have to buy
	obligation Decimal // base currency that they would have to pay
	unrated    bool    // of which something is in a currency without a conversion rate
}

// uncovered works that out, with key's stake taken for changed, unless that is nil. It is the
// condition of a matching: for each expiry, the short ones that expire then or later are no more
// than what covers them for as long.
func (g *group) uncovered(key InstrumentKey, i *Instrument, changed *stake, units Decimal) uncovered {
	var legs []leg
	var shares, sold Decimal
	add := func(i *Instrument, s *stake, units Decimal) {
		long, short := s.sure()
		switch {
		case i.deliverable():
			legs = append(legs, leg{i, long, short, units})
		case i.SecType == Stock:
			shares = shares.Add(long)
			sold = sold.Add(maxDecimal(s.held.Add(s.buys).Neg(), Decimal{}))
		}
	}
	seen := false
	if g != nil {
		for _, c := range g.contracts {
			s := &c.stake
			if changed != nil && c.key == key {
				s, seen = changed, true
			}
			add(c.instrument, s, c.terms.units)
		}
	}
	if changed != nil && !seen {
		add(i, changed, units)
	}
	var u uncovered
	u.calls, _ = missing(legs, Call, shares)
	u.puts, u.obligation = missing(legs, Put, sold)
	u.unrated = u.puts.IsPos() && slices.ContainsFunc(legs, func(l leg) bool {
		return l.instrument.Right == Put && l.short.IsPos() && l.units.IsZero()
	})
	return u
}

// sure is what is long even if every sale fills, and what is short if every sale does.
func (s *stake) sure() (long, short Decimal) {
	rest := s.held.Sub(s.sells)
	if rest.IsNeg() {
		return Decimal{}, rest.Neg()
	}
	return rest, Decimal{}
}

// leg is one option of a group.
type leg struct {
	instrument  *Instrument
	long, short Decimal // contracts
	units       Decimal
}

// missing returns how many shares' worth of options of the right are short beyond their cover, and what those come
// to at their highest strike, in base currency.
func missing(legs []leg, right Right, cover Decimal) (shares, worth Decimal) {
	for _, at := range legs {
		if at.instrument.Right != right || at.short.IsZero() {
			continue
		}
		over, strike := cover.Neg(), Decimal{}
		for _, l := range legs {
			if l.instrument.Right != right || l.instrument.Expiry < at.instrument.Expiry {
				continue
			}
			over = over.Add(convert(l.short.Sub(l.long), l.instrument.Multiplier))
			if !l.short.IsZero() {
				strike = maxDecimal(strike, convert(l.instrument.Strike, share(l.units, one, l.instrument.Multiplier)))
			}
		}
		shares = maxDecimal(shares, over)
		worth = maxDecimal(worth, convert(over, strike))
	}
	return shares, worth
}

// writes reports whether any option of the group is short, or would be.
func (g *group) writes() bool {
	return g != nil && slices.ContainsFunc(g.contracts, func(c *contract) bool { return c.writes })
}
