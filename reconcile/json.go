package reconcile

import (
	"encoding/json"

	"github.com/ai-ots/accounts/internal/wire"
)

// MarshalJSON writes empty lists as [].
func (s Statement) MarshalJSON() ([]byte, error) {
	type plain Statement
	s.Closings, s.Positions, s.Cash = wire.List(s.Closings), wire.List(s.Positions), wire.List(s.Cash)
	return json.Marshal(plain(s))
}

// MarshalJSON writes empty lists as [].
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	r.Breaks, r.Unchecked = wire.List(r.Breaks), wire.List(r.Unchecked)
	return json.Marshal(plain(r))
}
