package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ai-ots/accounts/ledger"
)

// FieldError is one wrong field of a request.
type FieldError struct {
	// Field is the path of the field in the body, such as "limits.warn_at", or the name of a
	// parameter.
	Field string `json:"field"`
	// Code is stable: one of "required", "unknown", "type", "format", "value", "length", "range",
	// "invalid".
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// The codes of field errors.
const (
	codeRequired = "required" // is missing
	codeUnknown  = "unknown"  // is not known
	codeType     = "type"     // is of another JSON type
	codeFormat   = "format"   // is not written as it must be
	codeValue    = "value"    // is none of the values there are
	codeLength   = "length"   // is too short or too long
	codeRange    = "range"    // is too small or too large
	codeRule     = "invalid"  // is what the library does not accept; the detail says why
)

// checker holds a value against a schema and collects what is wrong.
type checker struct {
	components map[string]*schema
	wrong      []FieldError
	patterns   *sync.Map // of *regexp.Regexp by their texts
}

// add notes a wrong field.
func (c *checker) add(path, code, format string, args ...any) {
	if len(c.wrong) < maxProblems {
		c.wrong = append(c.wrong, FieldError{clip(path), code, fmt.Sprintf(format, args...)})
	}
}

// resolve follows a reference.
func (c *checker) resolve(s *schema) *schema {
	for s.Ref != "" {
		s = c.components[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// check holds the value at a path against a schema.
func (c *checker) check(path string, v any, s *schema) {
	s = c.resolve(s)
	if len(s.AnyOf) > 0 { // something or null
		if v != nil {
			c.check(path, v, s.AnyOf[0])
		}
		return
	}
	kind := kindOf(v)
	if kind == "number" && slices.Contains(s.Type, "integer") {
		kind = "integer"
	}
	if kind != "" && !slices.Contains(s.Type, kind) {
		if s.Format == formatDecimal && kind == "number" {
			c.add(path, codeType, `must be a string, such as "12.50": JSON numbers lose digits`)
			return
		}
		c.add(path, codeType, "must be of the type %s, and is %s", strings.Join(s.Type, " or "), kind)
		return
	}
	switch v := v.(type) {
	case object:
		c.checkObject(path, v, s)
	case []any:
		if s.MaxItems > 0 && len(v) > s.MaxItems {
			c.add(path, codeLength, "has %d items, more than %d", len(v), s.MaxItems)
			return
		}
		for i, item := range v {
			c.check(fmt.Sprintf("%s[%d]", path, i), item, s.Items)
		}
	case string:
		c.checkText(path, v, s)
	case json.Number:
		c.checkNumber(path, v, s, kind)
	}
}

// kindOf returns the JSON type of a value.
func kindOf(v any) string {
	switch v.(type) {
	case object:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	}
	return "null"
}

// checkObject checks that required fields are there, and that all fields are known and right.
func (c *checker) checkObject(path string, fields object, s *schema) {
	for _, name := range s.Required {
		if _, there := fields[name]; !there {
			c.add(join(path, name), codeRequired, "is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field, known := s.Properties[name]
		if !known {
			field = s.Values
		}
		if field == nil {
			c.add(join(path, name), codeUnknown, "is no field of this object")
			continue
		}
		c.check(join(path, name), fields[name], field)
	}
}

// checkText checks length, values, pattern and format.
func (c *checker) checkText(path, text string, s *schema) {
	n := utf8.RuneCountInString(text)
	switch {
	case n < s.MinLength || s.MaxLength > 0 && n > s.MaxLength:
		if s.MaxLength == 0 {
			c.add(path, codeLength, "has %d characters, fewer than %d", n, s.MinLength)
			return
		}
		c.add(path, codeLength, "has %d characters, not %d to %d", n, s.MinLength, s.MaxLength)
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, text):
		c.add(path, codeValue, "is none of %s", strings.Join(s.Enum, ", "))
	case s.Pattern != "" && !c.matches(s.Pattern, text):
		c.add(path, codeFormat, "is not written as it must be%s", exampleOf(s))
	case s.Format != "" && !formatted(s.Format, text):
		c.add(path, codeFormat, "is no %s in range%s", s.Format, exampleOf(s))
	}
}

// exampleOf returns the words about a schema's example.
func exampleOf(s *schema) string {
	if len(s.Examples) == 0 {
		return ""
	}
	return fmt.Sprintf(", such as %q", s.Examples[0])
}

// matches reports whether a text matches a pattern.
func (c *checker) matches(pattern, text string) bool {
	compiled, known := c.patterns.Load(pattern)
	if !known {
		compiled, _ = c.patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return compiled.(*regexp.Regexp).MatchString(text)
}

// formatted reports whether a text is of a format and in range.
func formatted(format, text string) bool {
	var err error
	switch format {
	case formatDecimal:
		_, err = ledger.ParseDecimal(text)
	case formatDate:
		var d ledger.Date
		d, err = ledger.ParseDate(text)
		return err == nil && len(text) == len("2006-01-02") && d.Valid()
	case formatTime:
		_, err = parseTime(text)
	case formatDuration:
		_, err = time.ParseDuration(text)
	}
	return err == nil
}

// parseTime reads a time as RFC 3339 writes it, of a year that a store takes.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err == nil && (t.Year() < 1900 || t.Year() > 9998) {
		err = fmt.Errorf("year %d", t.Year())
	}
	return t.UTC(), err
}

// checkNumber checks that an integer is one, and the range.
func (c *checker) checkNumber(path string, n json.Number, s *schema, kind string) {
	f, err := n.Float64()
	if err != nil {
		c.add(path, codeRange, "is too large")
		return
	}
	if kind == "integer" {
		if _, err := strconv.ParseInt(n.String(), 10, 64); err != nil {
			c.add(path, codeFormat, "is no whole number, written without a point or an exponent")
			return
		}
	}
	if s.Minimum != nil && f < *s.Minimum || s.Maximum != nil && f > *s.Maximum {
		switch {
		case s.Maximum == nil:
			c.add(path, codeRange, "is less than %v", *s.Minimum)
		case s.Minimum == nil:
			c.add(path, codeRange, "is more than %v", *s.Maximum)
		default:
			c.add(path, codeRange, "is not %v to %v", *s.Minimum, *s.Maximum)
		}
	}
}
