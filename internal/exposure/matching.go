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
	// money is that money in the underlying's currency: the strikes of short puts without other
	// cover, and the differences of strikes that spreads leave at risk.
	money ledger.Decimal
}

// zero reports whether nothing is needed.
func (n *need) zero() bool { return n.calls.IsZero() && n.money.IsZero() }

// matching matches short options with what covers them. It is used again, so that it does not
// allocate.
type matching struct {
	shorts []leg
	covers []leg
	// shipped is the number of shares of each short option, and of the idle ones at last, that each
	// cover has taken: a row of covers for each short option.
	shipped []ledger.Decimal
	search  search
	// all is the number of shares that short options are about.
	all  ledger.Decimal
	work int // how many prices improve has compared
}

// leg is an option that is short, or what may cover one.
type leg struct {
	kind kind
	// instrument is the option; nil for shares and for nothing.
	instrument *ledger.Instrument
	// left is the number of shares that the option is about, or that there are, and that are not
	// matched yet.
	left ledger.Decimal
	// plain is true if the underlying's shares are what the option delivers.
	plain bool
}

// kind says what a leg is.
type kind uint8

const (
	option  kind = iota
	held         // shares: they cover calls
	sold         // short shares: they cover puts
	nothing      // no cover: a put needs its strike in cash, and a call stays bare
)

// bare is the price of a call without cover: dearer than the sum of all other prices.
var bare = ledger.MustDecimal("1000000000").Mul(ledger.MustDecimal("1000000000"))

// clear empties the matching.
func (m *matching) clear() {
	m.shorts, m.covers = m.shorts[:0], append(m.covers[:0], leg{kind: nothing})
	m.all, m.work = ledger.Decimal{}, 0
}

// add adds the stake in one contract on the underlying u, in the worst way in which its working
// orders can fill: sales of options and of shares do, purchases of options do not, and purchases of
// shares do where shares are short.
func (m *matching) add(u underlyingKey, i *ledger.Instrument, s *stake) {
	long, short := s.certain()
	switch {
	case i.SecType == ledger.Stock:
		m.cover(leg{kind: held, left: long})
		m.cover(leg{kind: sold, left: s.held.Add(s.buys).Neg()})
	case !i.IsOption():
	case short.IsPos():
		plain, shares := i.SecType == ledger.Option && delivers(i.Symbol, u.Symbol), num.Convert(short, i.Multiplier)
		m.shorts, m.all = append(m.shorts, leg{option, i, shares, plain}), m.all.Add(shares)
	default:
		m.cover(leg{kind: option, instrument: i, left: num.Convert(long, i.Multiplier)})
	}
}

// cover adds a cover, if there is any of it.
func (m *matching) cover(l leg) {
	if l.left.IsPos() {
		m.covers = append(m.covers, l)
	}
}

// solve matches every short option, and returns what the matching needs: of calls, as few as can be
// stay bare, and of all matchings that leave so few, it is one that needs the least money. Of some
// hundred options on one underlying that expire on many days it may be one that needs more: see
// maxWork.
func (m *matching) solve() (n need) {
	if len(m.shorts) == 0 {
		return n
	}
	m.ship()
	n = m.needs()
	for len(m.shorts) > 1 && !n.zero() && m.improve() { // one option alone has the cheapest cover
		n = m.needs()
	}
	return n
}

// ship gives each short option the cheapest cover that is left. Shorts that expire late choose
// first, because the least can cover them.
func (m *matching) ship() {
	slices.SortFunc(m.shorts, byDifficulty)
	m.covers[0].left = m.all // nothing is there for all
	cells := (len(m.shorts) + 1) * len(m.covers)
	m.shipped = slices.Grow(m.shipped[:0], cells)[:cells]
	clear(m.shipped)
	for k := range m.shorts {
		s, row := &m.shorts[k], m.row(k)
		for s.left.IsPos() {
			c := m.cheapest(s)
			n := num.Min(s.left, m.covers[c].left)
			row[c] = row[c].Add(n)
			s.left, m.covers[c].left = s.left.Sub(n), m.covers[c].left.Sub(n)
		}
	}
	for c, idle := 0, m.row(len(m.shorts)); c < len(idle); c++ {
		idle[c] = m.covers[c].left
	}
}

// row returns what each cover has taken of a short option.
func (m *matching) row(short int) []ledger.Decimal {
	return m.shipped[short*len(m.covers):][:len(m.covers)]
}

// needs returns what the short options need as they are matched.
func (m *matching) needs() (n need) {
	for k := range m.shorts {
		s := &m.shorts[k]
		for c, shares := range m.row(k) {
			if shares.IsZero() {
				continue
			}
			switch price, _ := m.covers[c].price(s); {
			case price.Equal(bare):
				n.calls = n.calls.Add(shares)
			case price.IsPos():
				n.money = n.money.Add(num.Convert(shares, price))
			}
		}
	}
	return n
}

// cheapest returns the cover with shares left that leaves the least at risk beside the short option
// s. Of several it takes options before shares, and of options the one whose strike is the closest,
// which others can use the least, and then the one that expires first.
func (m *matching) cheapest(s *leg) int {
	best, least := 0, ledger.Decimal{}
	for k := range m.covers {
		c := &m.covers[k]
		price, fits := c.price(s)
		if !fits || c.left.IsZero() {
			continue
		}
		if k == 0 || cmp.Or(price.Cmp(least), c.compare(&m.covers[best], s)) < 0 {
			best, least = k, price
		}
	}
	return best
}

// price returns the money for each share that must be there where c covers the short option s: the
// amount by which the strike of a long call is above that of the short one, or that of a long put
// below it; the strike of a put without cover. It reports false if c does not cover s. A long
// option covers a short one of the same root (and so of the same settlement), multiplier and kind
// that expires no later. An option on a future must expire on the same day: another day may mean
// another future.
func (c *leg) price(s *leg) (ledger.Decimal, bool) {
	if s.instrument == nil { // idle
		return ledger.Decimal{}, true
	}
	put := s.instrument.Right == ledger.Put
	switch c.kind {
	case held, sold:
		return ledger.Decimal{}, s.plain && put == (c.kind == sold)
	case nothing:
		if put {
			return s.instrument.Strike, true
		}
		return bare, true
	}
	a, b := c.instrument, s.instrument
	if a.Right != b.Right || a.Expiry < b.Expiry || a.SecType != b.SecType || a.Symbol != b.Symbol ||
		!a.Multiplier.Equal(b.Multiplier) || a.Expiry != b.Expiry && a.SecType == ledger.FutureOption {
		return ledger.Decimal{}, false
	}
	gap := a.Strike.Sub(b.Strike)
	if put {
		gap = gap.Neg()
	}
	return num.Max(gap, ledger.Decimal{}), true
}

// compare orders two covers of the same price by how well they suit the short option s.
func (c *leg) compare(other, s *leg) int {
	if c.kind != option || other.kind != option {
		return cmp.Compare(c.kind, other.kind)
	}
	strike := s.instrument.Strike
	return cmp.Or(
		c.instrument.Strike.Sub(strike).Abs().Cmp(other.instrument.Strike.Sub(strike).Abs()),
		cmp.Compare(c.instrument.Expiry, other.instrument.Expiry),
	)
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
