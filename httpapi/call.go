package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
)

// call is one request on its way through its route's action.
type call struct {
	api    *API
	route  *route
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context // the caller's, bounded by the timeout
	caller Caller
	values map[string][]string // the parameters that were given, checked

	statuses map[Engine]broker.EngineStatus // what engines said; see engineStatus

	status   int  // of the answer
	answered bool // the action has written the answer itself
}

// do authenticates the caller, checks the parameters and runs the action.
func (c *call) do() (any, error) {
	c.ctx = c.r.Context()
	if !c.route.raw {
		if err := c.api.origins.Check(c.r); err != nil || Foreign(c.r) {
			return nil, newProblem(CodeCrossOrigin, "")
		}
		if err := c.authenticate(); err != nil {
			return nil, err
		}
	}
	if !c.route.stream {
		timeout := c.api.Timeout
		if c.route.upload {
			timeout = c.api.StatementTimeout
		}
		var cancel context.CancelFunc
		c.ctx, cancel = context.WithTimeout(c.ctx, timeout)
		defer cancel()
	}
	if !c.route.raw { // a probe may add parameters of its own
		if err := c.readParams(); err != nil {
			return nil, err
		}
	}
	return c.route.action.run(c)
}

// authenticate finds out who calls, checks the right, and gives the context the caller's owner.
func (c *call) authenticate() error {
	caller, err := c.api.Auth.Authenticate(c.r)
	if errors.Is(err, ErrUnauthenticated) {
		return newProblem(CodeUnauthenticated, "")
	}
	if err != nil {
		return err
	}
	c.caller = caller
	if !caller.Rights.Has(c.route.right) {
		return newProblem(CodeForbidden, "The call needs the right "+c.route.right.String()+".")
	}
	switch {
	case caller.System:
		c.ctx = accounts.AsSystem(c.ctx)
	case caller.Owner != "":
		c.ctx = accounts.WithOwner(c.ctx, caller.Owner)
	}
	return nil
}

// readParams checks all parameters of the request at once.
func (c *call) readParams() error {
	check := checker{components: c.api.components, patterns: &c.api.patterns}
	c.values = map[string][]string{}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		check.add("query", codeFormat, "is not written as a query must be")
	}
	known := map[string]bool{}
	for _, p := range c.route.params {
		var given []string
		switch p.in {
		case "path":
			given = []string{c.r.PathValue(p.name)}
		case "header":
			given = c.r.Header.Values(p.name)
		case "query":
			known[p.name] = true
			given = query[p.name]
		}
		before := len(check.wrong)
		c.readParam(&check, p, given)
		if p.in == "path" && p.name != kindParam.name && (!nameable(given[0]) || len(check.wrong) > before) {
			return notFoundOf(p.name)
		}
	}
	for name := range query {
		if !known[name] {
			check.add(name, codeUnknown, "is no parameter of this call")
		}
	}
	slices.SortFunc(check.wrong, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	if len(check.wrong) == 0 {
		return nil
	}
	if check.wrong[0].Field == keyParam.name {
		p := newProblem(CodeKeyRequired, keyParam.text)
		p.Errors = check.wrong
		return p
	}
	return invalidFields(check.wrong...)
}

// nameable reports whether a part of a path can be the name of anything: 1 to 200 printable
// characters.
func nameable(s string) bool {
	return s != "" && len(s) <= 200 && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// notFoundOf returns the problem of a path whose part names nothing that could be.
func notFoundOf(name string) error {
	switch name {
	case "order", "broker_id":
		return newProblem(CodeOrderNotFound, "")
	case "position":
		return newProblem(CodePositionNotFound, "")
	}
	return newProblem(CodeProfileNotFound, "")
}

// readParam checks one parameter.
func (c *call) readParam(check *checker, p param, given []string) {
	switch {
	case len(given) == 0 && p.needed:
		check.add(p.name, codeRequired, "is missing")
		return
	case len(given) == 0:
		return
	case len(given) > 1:
		check.add(p.name, codeFormat, "comes %d times", len(given))
		return
	}
	if p.many {
		given = strings.Split(given[0], ",")
	}
	if len(given) > maxProblems {
		check.add(p.name, codeLength, "has %d items, more than %d", len(given), maxProblems)
		return
	}
	for _, text := range given {
		var v any = text
		if p.schema.Type[0] == "integer" || p.schema.Type[0] == "number" {
			if _, err := strconv.ParseFloat(text, 64); err != nil || !json.Valid([]byte(text)) {
				check.add(p.name, codeType, "is no number")
				return
			}
			v = json.Number(text)
		} else if p.schema.Type[0] == "boolean" {
			v = text
			if text != "true" && text != "false" {
				check.add(p.name, codeType, "is neither true nor false")
				return
			}
			v = text == "true"
		}
		check.check(p.name, v, &p.schema)
	}
	c.values[p.name] = given
}

// query returns a parameter; "" if it was not given.
func (c *call) query(name string) string {
	if list := c.values[name]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// flag reports whether a parameter is true.
func (c *call) flag(name string) bool { return c.query(name) == "true" }

// limit returns the size of the page.
func (c *call) limit() int {
	if n, err := strconv.Atoi(c.query("limit")); err == nil {
		return n
	}
	return defaultPage
}

// time returns a parameter that is a time; zero if it was not given.
func (c *call) time(name string) time.Time {
	t, err := parseTime(c.query(name))
	if err != nil {
		return time.Time{}
	}
	return t
}

// profileID returns the profile of the path.
func (c *call) profileID() accounts.ProfileID { return accounts.ProfileID(c.query("id")) }

// profile returns the profile of the path.
func (c *call) profile() (accounts.AccountProfile, error) {
	return c.api.Manager.Profile(c.ctx, c.profileID())
}

// portfolio returns the portfolio of the path's profile.
func (c *call) portfolio() (*accounts.Portfolio, error) {
	return c.api.Manager.Portfolio(c.ctx, c.profileID())
}

// decode reads the body into in, which is a pointer to the type of the route's body. It lists every
// wrong field at once.
func (c *call) decode(in any) error {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && (kind != "application/merge-patch+json" || c.r.Method != http.MethodPatch) {
		return newProblem(CodeNotAcceptable, "The body must be of the type application/json.")
	}
	if c.r.Header.Get("Content-Encoding") != "" {
		return newProblem(CodeNotAcceptable, "The body must not be encoded.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.api.MaxBody))
	defer clear(body) // it may hold secrets
	if err != nil {
		return bodyError(err)
	}
	return c.api.decodeInto(body, c.route, in)
}

// bodyError returns the problem of a body that cannot be read.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		p := newProblem(CodeTooLarge, "The body has more than "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes.")
		return p
	}
	return newProblem(CodeSyntax, "The body breaks off.")
}

// decodeInto reads a body of a route.
func (a *API) decodeInto(body []byte, r *route, in any) error {
	v, err := readJSON(body)
	if err != nil {
		return newProblem(CodeSyntax, err.Error())
	}
	check := checker{components: a.components, patterns: &a.patterns}
	check.check("", v, r.body)
	if len(check.wrong) > 0 {
		return invalidFields(check.wrong...)
	}
	if err := json.Unmarshal(body, in); err != nil {
		return newProblem(CodeInvalid, "The body does not fit the call's schema.")
	}
	return nil
}
