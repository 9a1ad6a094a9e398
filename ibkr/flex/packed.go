package flex

import (
	"encoding/binary"
	"strings"
)

// packedRow is a row that waits. It takes what its values take and little more; a row has room for
// all fields.
type packedRow struct {
	sec  section
	line int
	text string // of each field that has a value: the field, the length, the value
}

// pack returns the row of a section to be kept.
func (r *row) pack(sec section) packedRow {
	var length [binary.MaxVarintLen64]byte
	size := 0
	for f := range r.v {
		if r.v[f] != "" {
			size += 1 + len(binary.AppendUvarint(length[:0], uint64(len(r.v[f])))) + len(r.v[f])
		}
	}
	var b strings.Builder
	b.Grow(size)
	for f := range r.v {
		if v := r.v[f]; v != "" {
			b.WriteByte(byte(f))
			b.Write(length[:binary.PutUvarint(length[:], uint64(len(v)))])
			b.WriteString(v)
		}
	}
	return packedRow{sec, r.line, b.String()}
}

// unpack makes the row again. Its values are parts of the packed text.
func (p *packedRow) unpack(r *row) {
	*r = row{line: p.line}
	for rest := p.text; rest != ""; {
		f := field(rest[0])
		n, length := uvarint(rest[1:])
		rest = rest[1+length:]
		r.v[f], rest = rest[:n], rest[n:]
	}
}

// uvarint is binary.Uvarint for a string.
func uvarint(s string) (n, length int) {
	for i := 0; ; i++ {
		n |= int(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, i + 1
		}
	}
}
