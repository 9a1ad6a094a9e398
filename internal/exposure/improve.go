package exposure

import (
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// maxImprovements bounds how often a matching is improved. Every matching can be kept: one that is
// not the best asks too much, never too little.
const maxImprovements = 1000

// search is the state in which improve looks for a way: for each short option, the idle shares at
// last, and for each cover, the least price of a way that ends there, and where the way comes from.
type search struct {
	shorts, covers []reach
}

type reach struct {
	price ledger.Decimal
	from  int
}

// improve exchanges covers among short options where less is needed after it, and reports whether it
// found such an exchange: a circle of short options, each of which gives up a cover for the next
// one's, at a price below zero in all. Shares that cover nothing take part as one more short option,
// which any cover suits. If there is no such circle, the matching is the best: it is the criterion of
// Klein (1967) for flows of the least cost. The circle is found as Bellman and Ford do.
func (m *matching) improve() bool {
	m.search.clear(len(m.shorts)+1, len(m.covers))
	end := -1
	for pass := range len(m.shorts) + len(m.covers) + 1 {
		if end = m.relax(pass%2 == 0); end < 0 {
			return false
		}
	}
	return m.turn(end)
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

// relax makes each way one step longer where that is cheaper: from a short option to a cover, at its
// price, and from a cover back to a short option that has shares of it, which saves the price. It
// returns a cover on one of the ways that became cheaper, and -1 if none did. Ways along the order of
// the short options are done in one pass, and so are ways against it if backward is true.
func (m *matching) relax(backward bool) (end int) {
	end = -1
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
				*cover, end = reach{p, k}, c
			}
			if p := cover.price.Sub(price); row[c].IsPos() && p.LessThan(short.price) {
				*short, end = reach{p, c}, c
			}
		}
	}
	return end
}

// idle stands for the shares of covers that cover nothing.
var idle leg

// turn follows the way back from a cover into the circle that it comes from, and exchanges along the
// circle as many shares as each short option has of what it gives up.
func (m *matching) turn(c int) bool {
	for range len(m.shorts) + len(m.covers) + 1 {
		if c = m.before(c); c < 0 {
			return false
		}
	}
	amount := endless
	m.circle(c, func(given, _ *ledger.Decimal) { amount = num.Min(amount, *given) })
	m.circle(c, func(given, taken *ledger.Decimal) { *given, *taken = given.Sub(amount), taken.Add(amount) })
	return true
}

// before returns the cover that the way to cover c comes from, through a short option; -1 if it begins
// there.
func (m *matching) before(c int) int {
	if s := m.search.covers[c].from; s >= 0 {
		return m.search.shorts[s].from
	}
	return -1
}

// circle calls visit for each short option of the circle through cover c, with what it has of the cover
// that it gives up and of the one that it takes.
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
