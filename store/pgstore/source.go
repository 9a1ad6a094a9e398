package pgstore

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/lib/pq"
)

// columns are what the rows of a source have: first n, the number of their batch, then numbers,
// what is handed over as text, and bytes.
type columns struct {
	name               string
	ints, texts, blobs []column
}

// column is a column of a source, of a type of PostgreSQL's.
type column struct {
	name, as string
	null     bool // an empty text is NULL
}

// define reads columns: names, each with its type. An empty text is NULL for every type but text,
// and there where the definition says so.
func define(name, definition string) *columns {
	c := &columns{name: name, ints: []column{{name: "n", as: "bigint"}}}
	for part := range strings.SplitSeq(definition, ",") {
		words := strings.Fields(part)
		x := column{words[0], words[1], words[1] != "text" || len(words) > 2}
		switch x.as {
		case "bigint":
			c.ints = append(c.ints, x)
		case "bytea":
			c.blobs = append(c.blobs, x)
		default:
			c.texts = append(c.texts, x)
		}
	}
	return c
}

// all returns the columns in the order of their parameters.
func (c *columns) all() []column {
	return append(append(append([]column{}, c.ints...), c.texts...), c.blobs...)
}

// form writes a source into a statement, with parameters from n on, and returns the next number.
type form func(c *columns, n int) (text string, next int)

// unnestOf is any number of rows: an array for each column.
func unnestOf(c *columns, n int) (string, int) {
	names, types, next := c.parameters(n, "[]")
	return fmt.Sprintf("unnest(%s) AS %s (%s)", types, c.name, names), next
}

// valuesOf is one row: a value for each column.
func valuesOf(c *columns, n int) (string, int) {
	names, types, next := c.parameters(n, "")
	return fmt.Sprintf("(VALUES (%s)) AS %s (%s)", types, c.name, names), next
}

func (c *columns) parameters(n int, suffix string) (names, types string, next int) {
	var all, list []string
	for _, x := range c.all() {
		all, list = append(all, x.name), append(list, fmt.Sprintf("$%d::%s%s", n, x.as, suffix))
		n++
	}
	return strings.Join(all, ", "), strings.Join(list, ", "), n
}

// source is rows that a statement gets as parameters.
type source struct {
	*columns
	rows []row
}

// row is a row of a source: as many values of each kind as there are columns of it.
type row struct {
	ints  []int64
	texts []string
	blobs [][]byte
}

// add adds a row. The source keeps the slices.
func (s *source) add(ints []int64, texts []string, blobs ...[]byte) {
	for i, b := range blobs {
		if b == nil {
			blobs[i] = []byte{} // nil would be NULL
		}
	}
	s.rows = append(s.rows, row{ints, texts, blobs})
}

// arrays appends the source's parameters for unnestOf.
func (s *source) arrays(args []any) []any {
	for k := range s.ints {
		args = append(args, pq.Int64Array(valuesIn(s.rows, func(r *row) int64 { return r.ints[k] })))
	}
	for k := range s.texts {
		list := valuesIn(s.rows, func(r *row) string { return r.texts[k] })
		if s.texts[k].null {
			args = append(args, nullable(list))
			continue
		}
		args = append(args, pq.StringArray(list))
	}
	for k := range s.blobs {
		args = append(args, pq.ByteaArray(valuesIn(s.rows, func(r *row) []byte { return r.blobs[k] })))
	}
	return args
}

func valuesIn[T any](rows []row, value func(*row) T) []T {
	list := make([]T, len(rows))
	for i := range rows {
		list[i] = value(&rows[i])
	}
	return list
}

// values appends the source's parameters for valuesOf: its only row.
func (s *source) values(args []any) []any { return s.row(args, 0) }

// row appends the values of a row, in the order of the columns.
func (s *source) row(args []any, i int) []any {
	r := &s.rows[i]
	for k := range r.ints {
		args = append(args, r.ints[k])
	}
	for k, text := range r.texts {
		if text == "" && s.texts[k].null {
			args = append(args, nil)
			continue
		}
		args = append(args, text)
	}
	for k := range r.blobs {
		args = append(args, r.blobs[k])
	}
	return args
}

// nullable is an array of texts, of which the empty ones are NULL.
type nullable []string

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Value implements driver.Valuer.
func (a nullable) Value() (driver.Value, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, text := range a {
		if i > 0 {
			b.WriteByte(',')
		}
		if text == "" {
			b.WriteString("NULL")
			continue
		}
		b.WriteByte('"')
		_, _ = quoted.WriteString(&b, text) // a builder takes everything
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String(), nil
}
