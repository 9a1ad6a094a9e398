package ledger

// Changed appends to out the positions that the payloads changed, as they stand now and without
// lots, each once. The payloads must have been folded last. A position is zero if a cancellation
// left nothing of it in force.
func (b *Book) Changed(out []Position, payloads []any) []Position {
	if len(payloads) == 1 {
		if t, ok := payloads[0].(*Trade); ok && t.Instrument.SecType != Forex {
			return append(out, b.current(t.Contract(), &t.Instrument))
		}
	}
	seen := map[InstrumentKey]bool{}
	for _, p := range payloads {
		for _, i := range contracts(p) {
			if key := i.Key(); !seen[key] {
				seen[key] = true
				out = append(out, b.current(key, i))
			}
		}
	}
	return out
}

// current returns the position in a contract without its lots; the zero position if nothing of it
// is in force.
func (b *Book) current(key InstrumentKey, i *Instrument) Position {
	if h := b.positions[key]; h != nil {
		return h.position(false)
	}
	return Position{Instrument: *i}
}

// contracts returns the contracts whose positions a payload changes.
func contracts(p any) []*Instrument {
	switch f := p.(type) {
	case *Trade:
		if f.Instrument.SecType != Forex {
			return []*Instrument{&f.Instrument}
		}
	case *Split:
		return []*Instrument{&f.From, &f.To}
	case *Opening:
		return []*Instrument{&f.Instrument}
	case *Transfer:
		return []*Instrument{&f.Instrument}
	case *Restatement:
		out := make([]*Instrument, len(f.Positions))
		for i := range f.Positions {
			out[i] = &f.Positions[i].Instrument
		}
		return out
	}
	return nil
}
