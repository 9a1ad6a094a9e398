package pgstore

import (
	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
)

// rows are the sources of an append, of one batch or of several.
type rows struct {
	batch, entry, trade, cancelled, position source

	amends bool // there are trades of earlier entries among them
}

func newRows() *rows {
	return &rows{batch: source{columns: batchColumns}, entry: source{columns: entryColumns}, trade: source{columns: tradeColumns},
		cancelled: source{columns: cancelledColumns}, position: source{columns: positionColumns}}
}

// rowsOf returns the rows of one batch, in which nothing is the batch's but bytes.
func (s *Store) rowsOf(b *accounts.Batch) *rows {
	r := newRows()
	last := &b.Entries[len(b.Entries)-1]
	r.batch.add([]int64{0, 0, 0, b.After, last.Seq, last.Time.UnixMicro()}, []string{string(b.ProfileID)}, b.Hash[:])
	r.entry.rows = make([]row, 0, len(b.Entries))
	for i := range b.Entries {
		e := &b.Entries[i]
		r.entry.add([]int64{0, e.Seq}, []string{string(e.Kind), e.Key, string(pq.FormatTimestamp(stored(e.Time)))}, e.Payload, e.Prev[:], e.Hash[:])
	}
	if s.projection {
		r.project(b)
	}
	return r
}

// keep makes all bytes the rows' own: the caller may leave, and reuse what it gave.
func (r *rows) keep() {
	size := 0
	for _, e := range r.entry.rows {
		for _, b := range e.blobs {
			size += len(b)
		}
	}
	buffer := make([]byte, 0, size)
	for _, e := range r.entry.rows {
		for k, b := range e.blobs {
			start := len(buffer)
			buffer = append(buffer, b...)
			e.blobs[k] = buffer[start:len(buffer):len(buffer)]
		}
	}
}

// join returns the rows of batches of different profiles, numbered in their order, for a server
// that is admitted. It numbers the rows that it is given.
func (s *Store) join(batches ...*rows) *rows {
	timeline, all := s.timeline.highest.Load(), newRows()
	for n, r := range batches {
		all.amends = all.amends || r.amends
		copy(r.batch.rows[0].ints, []int64{int64(n), timeline, int64(s.standbys)})
		from, to := r.all(), all.all()
		for k := range from {
			for _, x := range from[k].rows {
				x.ints[0] = int64(n)
			}
			to[k].rows = append(to[k].rows, from[k].rows...)
		}
	}
	return all
}

func (r *rows) all() [5]*source {
	return [...]*source{&r.batch, &r.entry, &r.trade, &r.cancelled, &r.position}
}

// shape tells which statement the rows need.
func (r *rows) shape(st *statements) *statement {
	switch {
	case r.amends:
		return st.careful
	case len(r.entry.rows) != 1:
		return st.group
	case len(r.trade.rows) == 1 && len(r.position.rows) == 1:
		return st.fill
	case len(r.trade.rows) == 0 && len(r.position.rows) == 0:
		return st.entry
	}
	return st.group
}

// args returns the parameters of a statement: the channel, then the sources.
func (r *rows) args(st *statements, shape *statement, channel any) []any {
	args := []any{channel}
	switch shape {
	case st.entry:
		return r.entry.values(r.batch.values(args))
	case st.fill:
		return r.position.values(r.trade.values(r.entry.values(r.batch.values(args))))
	}
	args = r.position.arrays(r.trade.arrays(r.entry.arrays(r.batch.arrays(args))))
	if shape == st.careful {
		args = r.cancelled.arrays(args)
	}
	return args
}
