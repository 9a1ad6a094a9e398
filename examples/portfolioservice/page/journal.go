package page

import (
	"cmp"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// entry is something that a journal holds.
type entry struct {
	seq   int64
	kind  ledger.EntryKind
	at    time.Time // when it was recorded
	value any       // a ledger.Fact, a risk.Payload or an accounts.CredentialAccess
}

// fact returns a fact of a type, whether it is there as a value or as a pointer.
func fact[T any](v any) (t T, ok bool) {
	switch v := v.(type) {
	case T:
		return v, true
	case *T:
		return *v, true
	}
	return t, false
}

// walk says what is looked for in a journal from its end.
type walk struct {
	want  func(entry) bool
	most  int       // how many entries are wanted
	since time.Time // the walk ends before entries that were recorded earlier; zero for the journal's beginning
}

// maxWalk bounds how many entries one walk reads: the reader goes on from there.
const maxWalk = 20_000

// walkBack returns entries before entry before, 0 for the journal's end, the newest first. next is
// the entry before which the next walk goes on; 0 where the journal has nothing more that is
// wanted. The journal is read in stretches from its end, each longer than the one behind it.
func (c *call) walkBack(p *accounts.Portfolio, before int64, w walk) (found []entry, next int64, err error) {
	end := p.Seq() + 1
	if before > 0 {
		end = min(end, before)
	}
	read := int64(0)
	for length := int64(4*w.most + 100); end > 1; length *= 4 {
		if read >= maxWalk {
			return found, end, nil
		}
		begin := max(1, end-length)
		stretch, err := c.between(p, begin, end)
		if err != nil {
			return nil, 0, err
		}
		read += end - begin
		for _, e := range slices.Backward(stretch) {
			if !w.since.IsZero() && e.at.Before(w.since) {
				return found, 0, nil
			}
			if !w.want(e) {
				continue
			}
			if len(found) == w.most {
				return found, found[len(found)-1].seq, nil
			}
			found = append(found, e)
		}
		end = begin
	}
	return found, 0, nil
}

// between returns the entries from one number up to another, without it, in their order.
func (c *call) between(p *accounts.Portfolio, from, to int64) ([]entry, error) {
	var out []entry
	page := accounts.Page{After: from - 1}
	for r, err := range p.Facts(c.ctx, page) {
		if err != nil {
			return nil, err
		}
		if r.Seq >= to {
			break
		}
		out = append(out, entry{r.Seq, r.Kind, r.Time, r.Value})
	}
	for r, err := range p.Decisions(c.ctx, page) {
		if err != nil {
			return nil, err
		}
		if r.Seq >= to {
			break
		}
		if _, inner := r.Value.(*risk.Restatement); !inner {
			out = append(out, entry{r.Seq, r.Kind, r.Time, r.Value})
		}
	}
	for r, err := range p.CredentialAccesses(c.ctx, page) {
		if err != nil {
			return nil, err
		}
		if r.Seq >= to {
			break
		}
		out = append(out, entry{r.Seq, r.Kind, r.Time, r.Value})
	}
	slices.SortFunc(out, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	return out, nil
}
