package httpapi

import (
	"reflect"
	"regexp"
)

// route is one call of the API. The table of routes is all there is: requests are served by it, the
// description is made of it, and the tests walk it.
type route struct {
	method string
	path   string // a pattern of net/http's ServeMux
	id     string // operationId
	tag    string
	right  Rights // zero for calls that need no caller
	text   string // what the call does, in a sentence
	more   string // what else a client must know
	params []param
	action action
	status int    // of the answer if all is well; 200 if zero
	codes  []Code // problems of the call, besides those that every call has
	old    string // the path that replaces a deprecated call
	upload bool   // the body is a file
	stream bool   // the answer is a stream of events
	raw    bool   // the call needs neither a manager nor a caller
	sample string // an example of the body

	body, result *schema // of action; set by describe
}

// param is a parameter of a call.
type param struct {
	name   string
	in     string // "path", "query" or "header"
	needed bool
	many   bool // a list, with commas between its items
	schema schema
	text   string
}

// action is the handler of a call, with the types of its body and of its answer.
type action struct {
	in, out reflect.Type // nil for none
	run     func(c *call) (any, error)
}

// just is the action of a call without a body.
func just[Out any](f func(c *call) (Out, error)) action {
	return action{nil, typeOf[Out](), func(c *call) (any, error) { return f(c) }}
}

// with is the action of a call with a body.
func with[In, Out any](f func(c *call, in *In) (Out, error)) action {
	return action{reflect.TypeFor[In](), typeOf[Out](), func(c *call) (any, error) {
		in := new(In)
		if err := c.decode(in); err != nil {
			return nil, err
		}
		return f(c, in)
	}}
}

// nothing is the answer of a call that has none.
type nothing struct{}

// typeOf returns the type of an answer; nil for nothing.
func typeOf[Out any]() reflect.Type {
	t := reflect.TypeFor[Out]()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[nothing]() {
		return nil
	}
	return t
}

// The parameters that several calls have.
var (
	profileParam = param{name: "id", in: "path", needed: true, text: "The profile.", schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 50}}
	limitParam   = param{name: "limit", in: "query", text: "How many items the answer has at most.",
		schema: schema{Type: types{"integer"}, Minimum: bound(1), Maximum: bound(maxPage), Default: defaultPage}}
	cursorParam = param{name: "cursor", in: "query", text: "The `next_cursor` of the answer before. It means nothing to a client.",
		schema: schema{Type: types{"string"}, MaxLength: 300}}
	fromParam = param{name: "from", in: "query", text: "Only what happened at this time or later.", schema: schema{Type: types{"string"}, Format: formatTime}}
	toParam   = param{name: "to", in: "query", text: "Only what happened before this time.", schema: schema{Type: types{"string"}, Format: formatTime}}
	keyParam  = param{name: "Idempotency-Key", in: "header", needed: true,
		text:   "1 to 64 letters, digits and `.` `_` `~` `-`, chosen by the client, another one for each request. The same request sent again under its key is done once.",
		schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 64, Pattern: keyPattern.String()}}
	matchParam = param{name: "If-Match", in: "header",
		text:   "The `ETag` of the profile that is changed, such as `\"3\"`. Without it the answer is 428.",
		schema: schema{Type: types{"string"}, MaxLength: 200}}
	instrumentParam = param{name: "instrument", in: "query", many: true, text: "Only these contracts, by their keys, such as `STK:XYZ:USD`.",
		schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 200}}
)

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)

// bound returns a limit of a number.
func bound(n float64) *float64 { return &n }

// optional returns a parameter that may be left out.
func (p param) optional() param { p.needed = false; return p }

// paging are the parameters of a list.
func paging(more ...param) []param {
	return append([]param{profileParam, limitParam, cursorParam}, more...)
}
