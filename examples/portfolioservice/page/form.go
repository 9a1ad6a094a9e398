package page

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// errForm says that what was sent is no form of these pages.
var errForm = errors.New("the fields are not those of the form")

// form is a form as it was typed, with what is wrong with it. The zero form is empty.
type form struct {
	ID     string // begins the ids of its elements
	values map[string][]string
	typed  url.Values        // as the browser sent it, spaces and all
	wrong  map[string]string // by field; under "" what is of no field
}

// newForm returns an empty form.
func newForm(id string) *form {
	return &form{ID: id, values: map[string][]string{}, wrong: map[string]string{}}
}

// many is behind the name of a field that may be there more than once.
const many = "*"

// form reads the form that was posted. It has the named fields, each once at most, and no others.
// Errors: errForm, and http.MaxBytesError for a form that is too large.
func (c *call) form(id string, names ...string) (*form, error) {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || c.r.URL.RawQuery != "" {
		return nil, errForm
	}
	if err := c.r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, errForm
	}
	return formOf(id, c.r.PostForm, names)
}

// query reads the fields of a form from the request's address.
func (c *call) query(id string, names ...string) (*form, error) {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, errForm
	}
	return formOf(id, values, names)
}

// formOf takes over the fields of a form.
func formOf(id string, values url.Values, names []string) (*form, error) {
	f := newForm(id)
	f.typed = values
	for name, list := range values {
		for _, v := range list {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return nil, errForm
			}
		}
		several := slices.Contains(names, name+many)
		if !several && (len(list) != 1 || !slices.Contains(names, name)) {
			return nil, errForm
		}
		for _, v := range list {
			f.values[name] = append(f.values[name], strings.TrimSpace(v))
		}
	}
	return f, nil
}

// Value returns what was typed into a field.
func (f *form) Value(name string) string {
	if list := f.values[name]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// Values returns what was chosen of a field that may be there more than once.
func (f *form) Values(name string) []string { return f.values[name] }

// Is reports whether a value was chosen.
func (f *form) Is(name, value string) bool { return slices.Contains(f.values[name], value) }

// set puts a value into a field.
func (f *form) set(name string, values ...string) { f.values[name] = values }

// preset puts a value into a field that is empty.
func (f *form) preset(name, value string) {
	if f.Value(name) == "" {
		f.set(name, value)
	}
}

// Err returns what is wrong with a field; with "" what is of no field.
func (f *form) Err(name string) string { return f.wrong[name] }

// fail notes what is wrong with a field: the first thing counts.
func (f *form) fail(name, format string, args ...any) {
	if _, known := f.wrong[name]; !known {
		f.wrong[name] = fmt.Sprintf(format, args...)
	}
}

// ok reports whether nothing is wrong.
func (f *form) ok() bool { return len(f.wrong) == 0 }

// Any reports whether any of the fields has a value, or something wrong: then what hides them is
// open.
func (f *form) Any(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return f.Value(name) != "" || f.Err(name) != "" })
}

// one returns the value of a field that must be one of several.
func (f *form) one(name string, of ...string) string {
	v := f.Value(name)
	if !slices.Contains(of, v) {
		f.fail(name, "Choose one of these.")
	}
	return v
}

// decimal reads a number; zero for an empty field.
func (f *form) decimal(name string) ledger.Decimal {
	text := f.Value(name)
	if text == "" {
		return ledger.Decimal{}
	}
	d, err := ledger.ParseDecimal(text)
	if err != nil {
		f.fail(name, "Write a number such as 1500 or 148.50, without commas.")
	}
	return d
}

// needed notes fields that are empty.
func (f *form) needed(names ...string) {
	for _, name := range names {
		if f.Value(name) == "" {
			f.fail(name, "This is needed.")
		}
	}
}

// blame notes the wrong fields of an error of the library, by the names that the form has for them.
// It reports false, and notes nothing, for an error that is not about fields.
func (f *form) blame(err error, names map[string]string) bool {
	var v *invalid.Error
	if !errors.As(err, &v) {
		return false
	}
	for _, field := range v.Fields {
		name, known := names[field.Name]
		if !known {
			f.fail("", "%s %s.", field.Name, field.Problem)
			continue
		}
		f.fail(name, "%s.", capital(field.Problem))
	}
	return true
}

// pairOf is a field with its value.
type pairOf struct{ Name, Value string }

// Hidden returns the fields with their values, for another form to carry.
func (f *form) Hidden(names ...string) []pairOf {
	var out []pairOf
	for _, name := range names {
		for _, v := range f.values[name] {
			out = append(out, pairOf{name, v})
		}
	}
	return out
}

// encoded writes fields as a query.
func encoded(list []pairOf) string {
	values := url.Values{}
	for _, p := range list {
		values.Add(p.Name, p.Value)
	}
	return values.Encode()
}

// inputView is a field with its label, as the templates of form.html show it.
type inputView struct {
	ID, Name, Label, Mode, Hint, Value, Err string
	Options                                 []option
}

// Describes returns the id of what explains the field; empty without.
func (v inputView) Describes() string {
	switch {
	case v.Err != "":
		return v.ID + "-e"
	case v.Hint != "":
		return v.ID + "-h"
	}
	return ""
}

// option is a value that can be chosen.
type option struct {
	Value, Word string
	Chosen      bool
}

// options returns values in words, given one after the other.
func options(pairs ...string) []option {
	var out []option
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, option{Value: pairs[i], Word: pairs[i+1]})
	}
	return out
}

// inputOf returns a field of a form for the template input: mode is text, decimal, numeric or date.
func inputOf(f *form, name, label, mode string, hint ...string) inputView {
	return inputView{ID: f.ID + "-" + strings.ReplaceAll(name, ".", "-"), Name: name, Label: label, Mode: mode, Hint: strings.Join(hint, ""), Value: f.Value(name), Err: f.Err(name)}
}

// choiceOf returns a field of a form for the template choose.
func choiceOf(f *form, name, label string, list []option, hint ...string) inputView {
	v := inputOf(f, name, label, "", hint...)
	for _, o := range list {
		o.Chosen = o.Value == v.Value
		v.Options = append(v.Options, o)
	}
	return v
}
