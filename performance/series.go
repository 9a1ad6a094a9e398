package performance

import (
	"maps"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// series is a list of trades, fees or round trips that only grows. It keeps what every block of
// them comes to, so that a report need not add up the whole history each time. A copy stays as it
// is while the original grows.
type series[T any, P interface {
	*T
	counted
}] struct {
	all    []T
	blocks []block
}

// counted is what figures are made of.
type counted interface {
	when() time.Time
	count(f *figures)
}

// blockSize is the number of elements of a block.
const blockSize = 256

// block is what so many elements come to, the earliest and the latest of which have the given
// times.
type block struct {
	from, to time.Time
	figures  figures
}

// add appends an element.
func (s *series[T, P]) add(x T) {
	s.all = append(s.all, x)
	if len(s.all)%blockSize > 0 {
		return
	}
	var b block
	for i := len(s.all) - blockSize; i < len(s.all); i++ {
		p := P(&s.all[i])
		if at := p.when(); b.from.IsZero() || at.Before(b.from) {
			b.from = at
		}
		if at := p.when(); at.After(b.to) {
			b.to = at
		}
		p.count(&b.figures)
	}
	s.blocks = append(s.blocks, b)
}

// count adds what the elements of the window come to. It looks at the elements of those blocks
// alone of which a part is in the window.
func (s *series[T, P]) count(w Window, f *figures) {
	for i := range s.blocks {
		switch b := &s.blocks[i]; {
		case w.contains(b.from) && w.contains(b.to):
			f.add(&b.figures)
		case !w.To.IsZero() && b.from.After(w.To) || b.to.Before(w.From):
		default:
			s.countEach(s.all[i*blockSize:(i+1)*blockSize], w, f)
		}
	}
	s.countEach(s.all[len(s.blocks)*blockSize:], w, f)
}

func (s *series[T, P]) countEach(list []T, w Window, f *figures) {
	for i := range list {
		if p := P(&list[i]); w.contains(p.when()) {
			p.count(f)
		}
	}
}

// figures are what trades, fees and round trips come to, in base currency.
type figures struct {
	trades                       int
	bought, sold, fees, realized sum
	// trips are all round trips, those with a gain and those with a loss.
	trips, won, lost   int
	all, gained, given sum
	lacks              map[ledger.Currency]bool // the currencies that lacked a rate; nil for none
}

// add takes other figures in.
func (f *figures) add(g *figures) {
	f.trades, f.trips, f.won, f.lost = f.trades+g.trades, f.trips+g.trips, f.won+g.won, f.lost+g.lost
	for _, s := range []struct{ to, from *sum }{{&f.bought, &g.bought}, {&f.sold, &g.sold}, {&f.fees, &g.fees},
		{&f.realized, &g.realized}, {&f.all, &g.all}, {&f.gained, &g.gained}, {&f.given, &g.given}} {
		s.to.value, s.to.unknown = s.to.value.Add(s.from.value), s.to.unknown || s.from.unknown
	}
	if f.lacks == nil {
		f.lacks = maps.Clone(g.lacks)
		return
	}
	maps.Copy(f.lacks, g.lacks)
}

// sum adds up amounts in base currency. It is not known if one of them could not be converted.
type sum struct {
	value   ledger.Decimal
	unknown bool
}

// sum takes an amount into a sum of the figures, and notes the currency that it lacks a rate of.
func (f *figures) sum(s *sum, a converted) {
	if a.lacks == "" {
		s.value = s.value.Add(a.value)
		return
	}
	s.unknown = true
	if f.lacks == nil {
		f.lacks = map[ledger.Currency]bool{}
	}
	f.lacks[a.lacks] = true
}

// known returns the sum; nil if it is not known.
func (s sum) known() *ledger.Decimal {
	if s.unknown {
		return nil
	}
	return &s.value
}
