package flex

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// xmlSource reads statements of the XML encoding.
type xmlSource struct {
	in     *tokenReader
	dec    *xml.Decoder
	loc    *time.Location
	rows   *rowCount
	fields fieldIndex
	open   []string // the elements that are open
	line   int      // where the current token begins
	// skipped is how many lines plainRow has read, which the decoder has not seen. ended says that
	// the decoder has read the end of an element last.
	skipped int
	ended   bool
	decoded bool // leaves everything to the decoder, for tests
	query   string
	begun   bool // the root element was there
	row     row
	plain   plainParser
}

func newXMLSource(in *bufio.Reader, loc *time.Location, rows *rowCount) *xmlSource {
	x := &xmlSource{in: &tokenReader{in: in}, loc: loc, rows: rows, fields: newFieldIndex()}
	x.dec = xml.NewDecoder(x.in)
	x.dec.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if c := fold(charset); c == "utf8" || c == "usascii" || c == "ascii" {
			return in, nil
		}
		return nil, fmt.Errorf("encoding %.40q is declared: only UTF-8 is read", charset)
	}
	return x
}

func (x *xmlSource) at() int { return x.line }

// here is the line that the next token begins in.
func (x *xmlSource) here() int {
	line, _ := x.dec.InputPos()
	return line + x.skipped
}

// next reads up to the end of the next statement.
func (x *xmlSource) next() (*Statement, error) {
	for {
		tok, err := x.token()
		if err != nil {
			return nil, err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch name := start.Name.Local; {
		case len(x.open) == 1:
			if err := x.root(start); err != nil {
				return nil, err
			}
		case name == "FlexStatement":
			return x.statement(start)
		}
	}
}

// root checks the outermost element.
func (x *xmlSource) root(start xml.StartElement) error {
	switch {
	case x.begun:
		return x.fail("%s follows the end of the document", quoted(start.Name.Local))
	case start.Name.Local == "FlexStatementResponse":
		return x.response()
	case start.Name.Local != "FlexQueryResponse":
		return x.fail("root element is %s, not FlexQueryResponse", quoted(start.Name.Local))
	}
	x.begun = true
	for _, a := range start.Attr {
		if a.Name.Local == "queryName" {
			x.query = a.Value
		}
	}
	return nil
}

// response reads the broker's refusal.
func (x *xmlSource) response() error {
	line := x.line
	var answer ResponseError
	for len(x.open) > 0 {
		tok, err := x.token()
		if err != nil {
			return err
		}
		text, ok := tok.(xml.CharData)
		if !ok || len(x.open) != 2 {
			continue
		}
		said := map[string]*string{"Status": &answer.Status, "ErrorCode": &answer.Code, "ErrorMessage": &answer.Message}[x.open[1]]
		if said != nil && len(*said) < maxSaid {
			*said += strings.TrimSpace(string(text))
		}
	}
	return &ReadError{Line: line, Err: &answer}
}

// maxSaid is about how many bytes are kept of each thing that the broker says where it refuses.
const maxSaid = 1000

// statement reads one FlexStatement to its end.
func (x *xmlSource) statement(start xml.StartElement) (*Statement, error) {
	b := newBuilder(x.loc, "", x.rows)
	b.st.QueryName = x.query
	x.fill(start)
	b.header, b.st.AccountID = x.row, x.row.v[fAccountID]
	depth := len(x.open)
	for len(x.open) >= depth {
		tok, err := x.token()
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			err = x.section(b, t)
		case xml.CharData:
			x.text(b, t)
		}
		if err != nil {
			return nil, err
		}
	}
	return b.finish()
}

// text reports text, which has no place in a statement.
func (x *xmlSource) text(b *builder, t xml.CharData) {
	if strings.TrimSpace(string(t)) != "" {
		b.count(x.line, "statement", "text between the elements is not read", 1)
	}
}

// section reads one child of a statement to its end.
func (x *xmlSource) section(b *builder, start xml.StartElement) error {
	name, sec, depth := start.Name.Local, xmlSection(start.Name.Local), len(x.open)
	line, children := x.line, 0
	b.present(sec)
	if sec == secAccount || sec == secHint { // the element itself is a row
		x.fill(start)
		if err := b.add(sec, &x.row); err != nil {
			return err
		}
	}
	for len(x.open) >= depth {
		if name, ok := x.plainRow(); ok {
			children++
			x.open = append(x.open, name)
			if err := x.element(b, sec, len(x.open) == depth+1); err != nil {
				return err
			}
			x.open = x.open[:len(x.open)-1]
			continue
		}
		tok, err := x.token()
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			children++
			x.fill(t)
			if err := x.element(b, sec, len(x.open) == depth+1); err != nil {
				return err
			}
		case xml.CharData:
			if sec != secIgnored && sec != secHint {
				x.text(b, t)
			}
		}
	}
	if sec == secUnknown && children == 0 && len(start.Attr) > 0 {
		children = 1
	}
	if sec == secUnknown && children > 0 {
		b.unread(line, name, "section is unknown: its rows are not read", children)
	}
	return b.rows.over
}

// element takes the current row, of the innermost element of a section; direct says that it is a
// child of the section.
func (x *xmlSource) element(b *builder, sec section, direct bool) error {
	name := x.open[len(x.open)-1]
	switch sec {
	case secUnknown, secIgnored, secAccount:
		return nil
	case secHint:
		return b.add(sec, &x.row)
	}
	if direct && xmlRow(sec, name) {
		return b.add(sec, &x.row)
	}
	if level, ok := xmlRepeats(name); ok && sec == secTrades {
		x.row.v[fLevel] = level
		return b.add(sec, &x.row)
	}
	b.unread(x.line, strings.Join(x.open[len(x.open)-2:], "/"), "element is unknown: it is not read", 1)
	return b.rows.over
}

// fill makes the current row of the element's attributes.
func (x *xmlSource) fill(start xml.StartElement) {
	x.row = row{line: x.line}
	for i := range start.Attr {
		x.row.set(x.fields.field(start.Attr[i].Name.Local), start.Attr[i].Value)
	}
}

// token returns the next token, keeps track of the open elements and refuses what no statement
// has. io.EOF comes only after the end of the root element.
func (x *xmlSource) token() (xml.Token, error) {
	x.in.size = 0
	x.line = x.here()
	tok, err := x.dec.RawToken()
	if err != nil {
		return nil, x.failed(err)
	}
	_, x.ended = tok.(xml.EndElement)
	switch t := tok.(type) {
	case xml.StartElement:
		if len(x.open) == maxDepth {
			return nil, x.fail("elements are nested deeper than %d", maxDepth)
		}
		x.open = append(x.open, t.Name.Local)
	case xml.EndElement:
		n := len(x.open) - 1
		if n < 0 || x.open[n] != t.Name.Local {
			return nil, x.fail("end of %s does not match", quoted(t.Name.Local))
		}
		x.open = x.open[:n]
	case xml.CharData:
		if len(x.open) == 0 && strings.TrimSpace(string(t)) != "" {
			return nil, x.fail("text outside of the document")
		}
	case xml.Directive:
		return nil, x.fail("document type and entity declarations are refused")
	}
	return tok, nil
}

// failed tells why there is no token.
func (x *xmlSource) failed(err error) error {
	line := x.here()
	var syntax *xml.SyntaxError
	switch {
	case x.in.err != nil:
		return fmt.Errorf("line %d: read: %w", line, x.in.err)
	case err == errTooLarge:
		return &ReadError{Line: x.line, Err: err}
	case err == io.EOF && len(x.open) == 0:
		return io.EOF
	case x.in.ended:
		return &ReadError{Line: line, Err: fmt.Errorf("the file is cut off: %w", io.ErrUnexpectedEOF)}
	case errors.As(err, &syntax):
		return &ReadError{Line: syntax.Line + x.skipped, Err: errors.New(syntax.Msg)}
	}
	return &ReadError{Line: line, Err: err}
}

func (x *xmlSource) fail(format string, args ...any) error {
	return &ReadError{Line: x.line, Err: fmt.Errorf(format, args...)}
}

// tokenReader bounds how much one token takes. It is an io.ByteReader, so that the decoder reads
// no byte ahead of the token.
type tokenReader struct {
	in    *bufio.Reader
	size  int
	ended bool  // the input's end was reached
	err   error // of the input, if it could not be read
	later error // is the input's behind what is there
}

// ReadByte returns the next byte, or errTooLarge beyond the bound.
func (t *tokenReader) ReadByte() (byte, error) {
	if t.size++; t.size > maxToken {
		return 0, errTooLarge
	}
	if t.later != nil && t.in.Buffered() == 0 {
		t.failed(t.later)
		return 0, t.later
	}
	c, err := t.in.ReadByte()
	if err != nil {
		t.failed(err)
	}
	return c, err
}

// failed notes what the input ended with.
func (t *tokenReader) failed(err error) {
	if t.ended = t.ended || err == io.EOF; err != io.EOF {
		t.err = err
	}
}

// ahead returns bytes that were not read yet: as many as a plain element takes, if there are.
func (t *tokenReader) ahead() []byte {
	if t.later != nil { // the input has ended, and is not asked again
		head, _ := t.in.Peek(t.in.Buffered())
		return head
	}
	head, err := t.in.Peek(max(t.in.Buffered(), longPlain))
	t.later = err
	return head
}

// discard passes over bytes that ahead has returned.
func (t *tokenReader) discard(n int) { _, _ = t.in.Discard(n) }

// Read is there for the decoder's signature; it reads bytes one by one.
func (t *tokenReader) Read(p []byte) (int, error) {
	for i := range p {
		c, err := t.ReadByte()
		if err != nil {
			return i, err
		}
		p[i] = c
	}
	return len(p), nil
}
