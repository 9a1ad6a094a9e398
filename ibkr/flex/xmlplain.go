package flex

// Nearly all elements of a statement are rows without content, of nothing but plain attributes:
// <Trade symbol="NU" quantity="5" />. Those are read here, in a fraction of the time that the
// decoder takes for all that XML allows. It reads every element that has anything else: an entity,
// a letter beyond ASCII, a line break or a single quote. What is read here is XML that the decoder
// reads alike.

// longPlain bounds the plain elements, in bytes.
const longPlain = 16 << 10

// plainRow reads one plain element into the current row, and returns its name. It returns false,
// and has read nothing, where what comes is something else. The decoder holds nothing back only
// behind the end of an element.
func (x *xmlSource) plainRow() (name string, ok bool) {
	if !x.ended || x.decoded || len(x.open) == maxDepth {
		return "", false
	}
	head := x.in.ahead()
	p := &x.plain
	p.lines, p.count = 0, 0
	start := p.space(head, 0)
	length := p.element(head[start:])
	if length == 0 {
		return "", false
	}
	x.skipped += p.lines
	x.line = x.here()
	x.row = row{line: x.line}
	text := string(head[start : start+length])
	for _, a := range p.attributes[:p.count] {
		if a.end > a.value { // one without a value is absent
			x.row.set(x.fields.field(text[a.name:a.nameEnd]), text[a.value:a.end])
		}
	}
	x.in.discard(start + length)
	return text[1:p.nameEnd], true
}

// plainParser notes where the attributes of one element are.
type plainParser struct {
	lines      int // that were passed before the element
	nameEnd    int
	count      int
	attributes [128]plainAttribute
}

type plainAttribute struct{ name, nameEnd, value, end int }

// space passes white space.
func (p *plainParser) space(s []byte, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '\n':
			p.lines++
		case ' ', '\t', '\r':
		default:
			return i
		}
	}
	return i
}

// element returns the length of the plain element that s begins with; zero if there is none.
func (p *plainParser) element(s []byte) int {
	if len(s) == 0 || s[0] != '<' {
		return 0
	}
	i := plainName(s, 1)
	if i == 1 {
		return 0
	}
	p.nameEnd = i
	for {
		gap := i
		for i < len(s) && s[i] == ' ' {
			i++
		}
		switch {
		case i+1 >= len(s):
			return 0
		case s[i] == '/' && s[i+1] == '>':
			return i + 2
		case gap == i || p.count == len(p.attributes):
			return 0
		}
		a := plainAttribute{name: i, nameEnd: plainName(s, i)}
		a.value = a.nameEnd + 2
		if a.nameEnd == i || a.value >= len(s) || s[a.nameEnd] != '=' || s[a.nameEnd+1] != '"' {
			return 0
		}
		if a.end = plainValue(s, a.value); a.end < 0 {
			return 0
		}
		p.attributes[p.count] = a
		p.count++
		i = a.end + 1
	}
}

// plainName returns where the name of ASCII letters and digits ends that begins with a letter at i;
// i if there is none.
func plainName(s []byte, i int) int {
	for start := i; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c >= '0' && c <= '9' && i > start:
		default:
			return i
		}
	}
	return i
}

// plainValue returns where the quote is that ends the value at i; -1 if there is something else
// than plain text.
func plainValue(s []byte, i int) int {
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i
		case c < ' ', c > '~', c == '<', c == '&':
			return -1
		}
	}
	return -1
}
