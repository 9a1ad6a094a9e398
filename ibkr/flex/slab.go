package flex

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
