package exposure

import (
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// maxWork bounds how many prices are compared to improve a matching, which takes some 20 ms: enough
// for dozens of short options on one underlying, whatever they are. A matching can be kept as it is
// before: one that is not the best asks too much, never too little.
const maxWork = 500_000

// search is the state in which improve looks for a circle: for each short option, the idle shares
// at last, and for each cover, the least price of a way that ends there, and where the way comes
// from.
type search struct {
	shorts, covers []reach
	seen           []int // by which walk circular came to a cover; zero for none
}

type reach struct {
	price ledger.Decimal
	from  int
}

// improve exchanges covers among short options where less is needed after it, and reports whether
// it found such an exchange: a circle of short options, each of which gives up a cover for the next
// one's, at a price below zero in all. Shares that cover nothing take part as one more short
// option, which any cover suits. If there is no such circle, the matching is the best: it is the
// criterion of Klein (1967) for flows of the least cost. The circle is found as Bellman and Ford
// do.
func (m *matching) improve() bool {
	m.search.clear(len(m.shorts)+1, len(m.covers))
	for pass := 0; m.work < maxWork; pass++ {
		m.work += (len(m.shorts) + 1) * len(m.covers)
		if !m.relax(pass%2 == 0) {
			return false
		}
		if c := m.circular(); c >= 0 {
			m.turn(c)
			return true
		}
	}
	return false
}

func (f *search) clear(shorts, covers int) {
	f.shorts, f.covers = start(f.shorts, shorts), start(f.covers, covers)
}

func start(list []reach, n int) []reach {
	list = list[:0]
	for range n {
		list = append(list, reach{from: -1})
	}
	return list
}

// relax makes each way one step longer where that is cheaper: from a short option to a cover, at
// its price, and from a cover back to a short option that has shares of it, which saves the price.
// It reports whether a way became cheaper. Ways along the order of the short options are done in
// one pass, and so are ways against it if backward is true.
func (m *matching) relax(backward bool) (cheaper bool) {
	for k := range m.search.shorts {
		if backward {
			k = len(m.shorts) - k
		}
		short, row := &m.search.shorts[k], m.row(k)
		s := &idle
		if k < len(m.shorts) {
			s = &m.shorts[k]
		}
		for c := range m.covers {
			cover := &m.search.covers[c]
			price, fits := m.covers[c].price(s)
			if !fits {
				continue
			}
			if p := short.price.Add(price); p.LessThan(cover.price) {
				*cover, cheaper = reach{p, k}, true
			}
			if p := cover.price.Sub(price); row[c].IsPos() && p.LessThan(short.price) {
				*short, cheaper = reach{p, c}, true
			}
		}
	}
	return cheaper
}

// circular returns a cover on a circle of ways that come from each other; -1 if there is none.
func (m *matching) circular() int {
	f := &m.search
	f.seen = slices.Grow(f.seen[:0], len(m.covers))[:len(m.covers)]
	clear(f.seen)
	for c := range m.covers {
		walk := c + 1
		for at := c; at >= 0; at = m.before(at) {
			if f.seen[at] == walk {
				return at
			}
			if f.seen[at] != 0 {
				break
			}
			f.seen[at] = walk
		}
	}
	return -1
}

// idle stands for the shares of covers that cover nothing.
var idle leg

// turn exchanges, along the circle through cover c, as many shares as each short option has of what
// it gives up.
func (m *matching) turn(c int) {
	amount := m.all
	m.circle(c, func(given, _ *ledger.Decimal) { amount = num.Min(amount, *given) })
	m.circle(c, func(given, taken *ledger.Decimal) { *given, *taken = given.Sub(amount), taken.Add(amount) })
}

// before returns the cover that the way to cover c comes from, through a short option; -1 if it
// begins there.
func (m *matching) before(c int) int {
	if s := m.search.covers[c].from; s >= 0 {
		return m.search.shorts[s].from
	}
	return -1
}

// circle calls visit for each short option of the circle through cover c, with what it has of the
// cover that it gives up and of the one that it takes.
func (m *matching) circle(c int, visit func(given, taken *ledger.Decimal)) {
	for k := c; ; {
		s := m.search.covers[k].from
		row := m.row(s)
		given := m.search.shorts[s].from
		visit(&row[given], &row[k])
		if k = given; k == c {
			return
		}
	}
}
