package httpapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"unicode"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/invalid"
)

// failures say which problem an error is: the first one that the error matches. What may have been
// done comes first: an error that says so says nothing else.
var failures = []struct {
	is     error
	code   Code
	detail string
}{
	{flex.ErrIncomplete, CodeIncomplete, ""}, // see enrich
	{accounts.ErrOutcomeUnknown, CodeOutcomeUnknown, "Look before trying again. The same request with the same key may be sent again: it is done once at most."},
	{broker.ErrDuplicateRef, CodeOutcomeUnknown, "The broker has an order under this key. Look at the orders before trying again."},
	{accounts.ErrRefused, CodeRefused, ""},
	{accounts.ErrProfileNotFound, CodeProfileNotFound, ""},
	{accounts.ErrOwnerRequired, CodeForbidden, "The caller is nobody's: the service serves owners alone."},
	{accounts.ErrNameTaken, CodeNameTaken, "Archived profiles keep their names."},
	{accounts.ErrAccountTaken, CodeAccountTaken, "Another active profile has this account at the broker."},
	{accounts.ErrProfileNotActive, CodeNotActive, ""},
	{accounts.ErrProfileExists, CodeKeyReused, ""},
	{accounts.ErrNoActiveProfile, CodeNoActive, ""},
	{accounts.ErrAmbiguous, CodeAmbiguous, ""},
	{accounts.ErrIDReused, CodeKeyReused, "The key, or an id, stands for something else already. Nothing was changed."},
	{accounts.ErrOrderNotFound, CodeOrderNotFound, ""},
	{broker.ErrOrderNotFound, CodeOrderNotFound, "The broker works no such order: it has ended, or is on its way to the broker."},
	{accounts.ErrDispatched, CodeDispatched, "The order was sent, or is about to be: cancel it at the broker."},
	{accounts.ErrStillHeld, CodeStillHeld, ""},
	{accounts.ErrOutOfOrder, CodeOutOfOrder, "Import statements in the order of their periods."},
	{accounts.ErrExecutionMismatch, CodeFact, "A correction names another contract than its execution."},
	{accounts.ErrExecutionNotFound, CodeFact, "A cancellation names an execution that the book does not have."},
	{accounts.ErrPositionNotFound, CodeFact, "A corporate action is of a contract that is not held."},
	{accounts.ErrFutureTime, CodeFact, "A time lies in the future."},
	{flex.ErrLevels, CodeLevels, "The book may have in another form what the statement tells: import executions with the broker's ids of all days, or keep to one form."},
	{flex.ErrWrongAccount, CodeWrongAccount, ""},
	{flex.ErrBaseCurrency, CodeInvalid, "The statement's rates are to another base currency than the profile's: let the query leave fxRateToBase out."},
	{flex.ErrFormat, CodeUnreadable, ""},
	{accounts.ErrNoMark, CodeEquityUnknown, "Marks or rates are missing."},
	{accounts.ErrLoginShared, CodeLoginShared, "Give the other profiles another login first."},
	{accounts.ErrNoCredentialStore, CodeNoCredStore, ""},
	{accounts.ErrCredentialsNotFound, CodeNoCredentials, ""},
	{broker.ErrRejected, CodeRejected, "The broker does not have the order, and its hold has ended."},
	{broker.ErrNotLinked, CodeNotLinked, "No connection works the profile's account."},
	{broker.ErrForeignAccount, CodeNotLinked, "The login does not have the profile's account."},
	{broker.ErrNotReady, CodeBrokerNotReady, "The account is not in step with the broker. No order was sent."},
	{broker.ErrStandby, CodeBrokerNotReady, "Another process works the login. No order was sent."},
	{broker.ErrNotConnected, CodeBrokerNotReady, "There is no session with the broker. No order was sent."},
	{broker.ErrCompeting, CodeBrokerNotReady, "The login is used by another session. No order was sent."},
	{broker.ErrLoginNeeded, CodeBrokerNotReady, "A person has to log in at the broker. No order was sent."},
	{broker.ErrPaced, CodeBrokerNotReady, "The broker takes no more requests at the moment. No order was sent."},
	{broker.ErrClosed, CodeBrokerNotReady, "The connection was closed. No order was sent."},
	{accounts.ErrCorrupt, CodeCorrupt, "The journal does not hold what it must. An operator has to look."},
	{accounts.ErrUnavailable, CodeUnavailable, "Nothing was changed. The same request may be sent again."},
	{accounts.ErrClosed, CodeUnavailable, "The service is stopping. Nothing was changed."},
	{accounts.ErrConflict, CodeConflict, "Nothing was changed. Read again and decide again."},
	{accounts.ErrInexact, CodeInvalid, "The product of quantity, price and multiplier would not be exact: use fewer places."},
	{accounts.ErrCurrencyMismatch, CodeInvalid, "An amount or a rate is in another currency than it must be."},
	{context.DeadlineExceeded, CodeTimeout, "Nothing was changed. The same request may be sent again."},
	{context.Canceled, CodeCanceled, ""},
	{accounts.ErrInvalid, CodeInvalid, "The request cannot be accepted as it is."},
}

// problemOf returns the problem that an error is, and whether the log must have the error: what is
// broken, and not what is wrong with a request. in is the type of the request's body, nil for none.
func problemOf(err error, in reflect.Type) (p *Problem, log bool) {
	if errors.As(err, &p) {
		return p, false
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return newProblem(CodeTooLarge, ""), false
	}
	p = newProblem(CodeInternal, "The log tells more, under the request's id.")
	for _, f := range failures {
		if errors.Is(err, f.is) {
			p = newProblem(f.code, f.detail)
			break
		}
	}
	enrich(p, err, in)
	return p, p.Status >= 500 && p.Code != CodeBusy
}

// enrich adds to a problem what its error lists.
func enrich(p *Problem, err error, in reflect.Type) {
	var refusal *accounts.RefusalError
	if errors.As(err, &refusal) && p.Code == CodeRefused {
		d := refusal.Decision
		p.Decision, p.Undecided, p.Detail = &d, d.Undecided(), d.String()
	}
	var fields *invalid.Error
	if errors.As(err, &fields) && p.Code == CodeInvalid {
		p.Detail = "Each wrong field is listed in errors."
		for _, f := range fields.Fields {
			if len(p.Errors) < maxProblems {
				p.Errors = append(p.Errors, FieldError{jsonName(in, f.Name), codeRule, f.Problem})
			}
		}
	}
	var missing *accounts.MissingError
	if errors.As(err, &missing) && p.Code == CodeEquityUnknown {
		p.Missing = missing
	}
	var incomplete *flex.IncompleteError
	if errors.As(err, &incomplete) && p.Code == CodeIncomplete {
		p.Detail = incomplete.Done() + ". Send the same file again: the rest is recorded then, and nothing twice."
	}
	var read *flex.ReadError
	if errors.As(err, &read) && p.Code == CodeUnreadable {
		p.Detail = readDetail(read)
	}
}

// readDetail says where a statement cannot be read.
func readDetail(e *flex.ReadError) string {
	where := []string{}
	if e.Section != "" {
		where = append(where, "section "+clip(e.Section))
	}
	if e.Field != "" {
		where = append(where, "field "+clip(e.Field))
	}
	return "Line " + itoa(e.Line) + strings.Join(append([]string{""}, where...), ", ") + " cannot be read."
}

// jsonName returns the path of a field in the body of a request, from the path by its Go names that
// the library gives it. A field of a contract has its own name alone in the library.
func jsonName(in reflect.Type, goPath string) string {
	inner := goPath // of limits that are the body itself
	if in != nil {
		inner = strings.TrimPrefix(goPath, in.Name()+".")
	}
	for _, candidate := range []string{goPath, "Instrument." + goPath, inner} {
		if path, ok := jsonPath(in, strings.Split(candidate, ".")); ok {
			return path
		}
	}
	return snake(goPath)
}

// jsonPath follows Go names through structs.
func jsonPath(t reflect.Type, names []string) (string, bool) {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	if t != nil && t.Implements(reflect.TypeFor[holder]()) {
		t = reflect.New(t).Elem().Interface().(holder).held()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return "", false
	}
	f, ok := t.FieldByName(names[0])
	if !ok {
		return "", false
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" || name == "-" {
		return "", false
	}
	if len(names) == 1 {
		return name, true
	}
	rest, ok := jsonPath(f.Type, names[1:])
	return join(name, rest), ok
}

// snake returns a Go name as JSON writes it.
func snake(goName string) string {
	var b strings.Builder
	runes := []rune(goName)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '.' && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
