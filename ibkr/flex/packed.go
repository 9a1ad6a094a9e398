package flex

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
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
		u := unpacker{rest[1:]}
		r.v[f], rest = u.text(), u.rest
	}
}

// packer appends values to bytes.
type packer struct{ bytes []byte }

func (p *packer) number(n uint64) { p.bytes = binary.AppendUvarint(p.bytes, n) }
func (p *packer) signed(n int64)  { p.bytes = binary.AppendVarint(p.bytes, n) }

func (p *packer) text(s string) {
	p.number(uint64(len(s)))
	p.bytes = append(p.bytes, s...)
}

// time appends a time in UTC.
func (p *packer) time(t time.Time) {
	p.signed(t.Unix())
	p.number(uint64(t.Nanosecond()))
}

// Bits of the byte with which a decimal begins, beside its places.
const (
	packedNegative = 1 << 5
	packedHigh     = 1 << 6 // it does not fit in 64 bits
	packedText     = 1 << 7 // nor in 128
)

func (p *packer) decimal(d ledger.Decimal) {
	negative, high, low, places, ok := d.ToHiLo()
	if !ok {
		p.bytes = append(p.bytes, packedText)
		p.text(d.String())
		return
	}
	if negative {
		places |= packedNegative
	}
	if high != 0 {
		places |= packedHigh
	}
	p.bytes = append(p.bytes, places)
	p.number(low)
	if high != 0 {
		p.number(high)
	}
}

// unpacker takes off what a packer packed.
type unpacker struct{ rest string }

func (u *unpacker) number() (n uint64) {
	for i := 0; ; i++ {
		b := u.rest[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			u.rest = u.rest[i+1:]
			return n
		}
	}
}

func (u *unpacker) signed() int64 {
	n := u.number()
	return int64(n>>1) ^ -int64(n&1)
}

// text returns a part of what was packed.
func (u *unpacker) text() (s string) {
	n := u.number()
	s, u.rest = u.rest[:n], u.rest[n:]
	return s
}

func (u *unpacker) time() time.Time {
	seconds := u.signed()
	return time.Unix(seconds, int64(u.number())).UTC()
}

func (u *unpacker) decimal() (d ledger.Decimal) {
	places := u.rest[0]
	u.rest = u.rest[1:]
	var high uint64
	if places&packedText != 0 {
		return udecimal.MustParse(u.text())
	}
	low := u.number()
	if places&packedHigh != 0 {
		high = u.number()
	}
	d, _ = udecimal.NewFromHiLo(places&packedNegative != 0, high, low, places&(packedNegative-1)) // it was one
	return d
}
