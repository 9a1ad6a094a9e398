package flex

// pile collects many values. A slice that grows is copied again and again, and has room for more
// than it holds.
type pile[T any] struct {
	full [][]T
	last []T
}

// pileStep is how many values are kept together.
const pileStep = 512

// add puts a value on the pile.
func (p *pile[T]) add(v T) {
	if len(p.last) == pileStep {
		p.full, p.last = append(p.full, p.last), make([]T, 0, pileStep)
	}
	p.last = append(p.last, v)
}

// size is how many values there are.
func (p *pile[T]) size() int { return pileStep*len(p.full) + len(p.last) }

// take returns all values in one slice, which has no room for more, and leaves none.
func (p *pile[T]) take() []T {
	if p.size() == 0 {
		return nil
	}
	all := make([]T, 0, p.size())
	for i, values := range p.full {
		all = append(all, values...)
		p.full[i] = nil
	}
	all = append(all, p.last...)
	*p = pile[T]{}
	return all
}

// slab makes values that are kept for about the same time, some at once.
type slab[T any] struct{ rest []T }

// slabSize is how many values are made at once.
const slabSize = 32

func (s *slab[T]) make() *T {
	if len(s.rest) == 0 {
		s.rest = make([]T, slabSize)
	}
	v := &s.rest[0]
	s.rest = s.rest[1:]
	return v
}
