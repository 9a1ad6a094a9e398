package exposure

import (
	"cmp"
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// need is what short options on one underlying need besides shares and long options.
type need struct {
	// calls is the number of shares that short calls would have to deliver and that nothing covers.
	calls ledger.Decimal
	// shares is the number of shares for which money must be there.
	shares ledger.Decimal
	// money is that money in the underlying's currency: the strikes of short puts without other
	// cover, and the differences of strikes that spreads leave at risk.
	money ledger.Decimal
}

// matching matches short options with what covers them. It is used again, so that it does not
// allocate.
type matching struct {
	shorts, longs []leg
	// held is the number of shares that cover calls, sold the number of short shares that cover
	// puts.
	held, sold ledger.Decimal
}

// leg is an option that is short, or that may cover one.
type leg struct {
	instrument *ledger.Instrument
	// left is the number of shares that the option is about and that are not matched yet.
	left ledger.Decimal
	// plain is true if the underlying's shares are what the option delivers.
	plain bool
}

// clear empties the matching.
func (m *matching) clear() {
	*m = matching{shorts: m.shorts[:0], longs: m.longs[:0]}
}

// add adds the stake in one contract on the underlying u, in the worst way in which its working
// orders can fill: sales of options and of shares do, purchases of options do not, and purchases of
// shares do where shares are short.
func (m *matching) add(u underlyingKey, i *ledger.Instrument, s *stake) {
	long, short := s.certain()
	switch {
	case i.SecType == ledger.Stock:
		m.held = m.held.Add(long)
		m.sold = m.sold.Add(num.Max(s.held.Add(s.buys).Neg(), ledger.Decimal{}))
	case !i.IsOption():
	case short.IsPos():
		plain := i.SecType == ledger.Option && delivers(i.Symbol, u.Symbol)
		m.shorts = append(m.shorts, leg{i, num.Convert(short, i.Multiplier), plain})
	case long.IsPos():
		m.longs = append(m.longs, leg{i, num.Convert(long, i.Multiplier), false})
	}
}

// solve matches every short option, and returns what the rest needs. Shorts that expire late choose
// first, because the least can cover them; among these, the ones with the fewest long options that
// cover them in full. Each takes the cheapest cover that is left. No call stays bare that another
// matching would cover. The money may be more than the best matching of diagonal spreads needs,
// never less: each matching is one that can be kept.
func (m *matching) solve() (n need) {
	slices.SortFunc(m.shorts, byDifficulty)
	for k := range m.shorts {
		s := &m.shorts[k]
		shares := &m.held
		if s.instrument.Right == ledger.Put {
			shares = &m.sold
		}
		for s.left.IsPos() {
			best := m.cheapest(s)
			switch {
			case s.plain && shares.IsPos() && (best == nil || best.gap(s).IsPos()):
				s.match(shares)
			case best != nil:
				n.owe(s.match(&best.left), best.gap(s))
			case s.instrument.Right == ledger.Put:
				n.owe(s.left, s.instrument.Strike)
				s.left = ledger.Decimal{}
			default:
				n.calls = n.calls.Add(s.left)
				s.left = ledger.Decimal{}
			}
		}
	}
	return n
}

// owe adds an amount for each of a number of shares.
func (n *need) owe(shares, each ledger.Decimal) {
	if each.IsPos() {
		n.shares, n.money = n.shares.Add(shares), n.money.Add(num.Convert(shares, each))
	}
}

// match takes as many shares as both sides have, and returns how many.
func (l *leg) match(other *ledger.Decimal) ledger.Decimal {
	n := num.Min(l.left, *other)
	l.left, *other = l.left.Sub(n), other.Sub(n)
	return n
}

// cheapest returns the long option that leaves the least at risk beside the short one s; nil if
// none covers it. Of several it takes the one whose strike is the closest, which others can use the
// least, and then the one that expires first.
func (m *matching) cheapest(s *leg) *leg {
	var best *leg
	for k := range m.longs {
		if l := &m.longs[k]; l.covers(s) && (best == nil || l.compare(best, s) < 0) {
			best = l
		}
	}
	return best
}

// covers reports whether the long option l covers the short one s: another of the same root (and so
// of the same settlement), multiplier and kind that expires no earlier. An option on a future must
// expire on the same day: another day may mean another future.
func (l *leg) covers(s *leg) bool {
	a, b := l.instrument, s.instrument
	return l.left.IsPos() && a.Right == b.Right && a.SecType == b.SecType && a.Symbol == b.Symbol &&
		a.Multiplier.Equal(b.Multiplier) &&
		(a.Expiry == b.Expiry || a.Expiry > b.Expiry && a.SecType != ledger.FutureOption)
}

// compare orders two long options by how well they suit the short option s.
func (l *leg) compare(other, s *leg) int {
	strike := s.instrument.Strike
	return cmp.Or(
		l.gap(s).Cmp(other.gap(s)),
		l.instrument.Strike.Sub(strike).Abs().Cmp(other.instrument.Strike.Sub(strike).Abs()),
		cmp.Compare(l.instrument.Expiry, other.instrument.Expiry),
	)
}

// gap returns what a share can lose beside the long option l: the amount by which the strike of a
// long call is above that of the short one, or that of a long put below it; zero for none.
func (l *leg) gap(s *leg) ledger.Decimal {
	gap := l.instrument.Strike.Sub(s.instrument.Strike)
	if s.instrument.Right == ledger.Put {
		gap = gap.Neg()
	}
	return num.Max(gap, ledger.Decimal{})
}

// byDifficulty orders short options by what can cover them: late ones first, then calls with low
// strikes and puts with high ones.
func byDifficulty(a, b leg) int {
	x, y := a.instrument, b.instrument
	strikes := x.Strike.Cmp(y.Strike)
	if x.Right == ledger.Put {
		strikes = -strikes
	}
	return cmp.Or(
		cmp.Compare(y.Expiry, x.Expiry), cmp.Compare(x.Right, y.Right), strikes,
		cmp.Compare(x.Symbol, y.Symbol), x.Multiplier.Cmp(y.Multiplier), cmp.Compare(x.SecType, y.SecType),
	)
}
