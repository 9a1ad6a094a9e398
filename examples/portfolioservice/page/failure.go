package page

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
)

var (
	errMisdirected = errors.New("the host is none of the page's")
	errCrossOrigin = errors.New("the request comes from another site")
	errMethod      = errors.New("the method is none of the path's")
	errNoPosition  = errors.New("the contract was never held")
	errBusy        = errors.New("too many streams are open")
)

// failure is what a person is told of an error.
type failure struct {
	is      error
	status  int
	heading string
	then    string
	again   bool // trying again may help
}

// failures say what an error is in words: the first one that the error matches. What may have been
// done comes first: an error that says so says nothing else.
var failures = []failure{
	{accounts.ErrOutcomeUnknown, http.StatusBadGateway, "We do not know whether it was done.",
		"Look before trying again. The same ticket is never placed twice.", false},
	{broker.ErrDuplicateRef, http.StatusBadGateway, "We do not know whether it was placed.",
		"Look at Orders before trying again; the same ticket is never placed twice.", false},
	{accounts.ErrProfileNotFound, http.StatusNotFound, "There is no such profile.", "It may have another address by now. All accounts are listed.", false},
	{errNoOrder, http.StatusNotFound, "There is no such order.", "Orders of an account are on its page of orders.", false},
	{errNoPage, http.StatusNotFound, "There is no such page.", "The address may be written wrongly.", false},
	{errForm, http.StatusBadRequest, "This form is not one of the page’s.", "Nothing was done. Go back, read the page again and fill it in again.", false},
	{errNoPosition, http.StatusNotFound, "This account never held that.", "Its positions are on its portfolio’s page.", false},
	{errForbidden, http.StatusForbidden, "You may look, but not do this.", "Somebody with the right has to.", false},
	{accounts.ErrOwnerRequired, http.StatusForbidden, "You have no accounts here.", "The service serves owners alone.", false},
	{errCrossOrigin, http.StatusForbidden, "Another site asked for this.", "Nothing was done. Do it from a page of your own.", false},
	{errMisdirected, http.StatusMisdirectedRequest, "This is not the address of the service.", "Use the name that it was set up with.", false},
	{errMethod, http.StatusMethodNotAllowed, "This page cannot be asked for in this way.", "Go back and use its link or its button.", false},
	{accounts.ErrConflict, http.StatusConflict, "Somebody changed this while you wrote.", "Nothing was changed. Read it again and decide again.", true},
	{accounts.ErrProfileNotActive, http.StatusConflict, "This profile is not active.", "An inactive, suspended or archived profile cannot do this.", false},
	{errBusy, http.StatusServiceUnavailable, "Too many pages are open.", "Close some, or read the figures again yourself.", true},
	{accounts.ErrCorrupt, http.StatusInternalServerError, "This account’s journal cannot be trusted.",
		"It does not hold what it must. Nothing can be placed in it until an operator has looked.", false},
	{accounts.ErrUnavailable, http.StatusServiceUnavailable, "The accounts cannot be read at the moment.",
		"Their store does not answer. Nothing was changed, and nothing is lost.", true},
	{accounts.ErrClosed, http.StatusServiceUnavailable, "The service is stopping.", "Nothing was changed. Try again in a moment.", true},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "This took too long.", "Nothing was changed. Try again in a moment.", true},
	{accounts.ErrInvalid, http.StatusBadRequest, "This cannot be shown as it was asked for.", "The address may be written wrongly.", false},
}

// told is an error with words of its own.
type told struct {
	failure
	acts []act // what settles it, or shows more
}

// Error returns the words, and the error of which they are: it is for the log.
func (t *told) Error() string {
	if t.is == nil {
		return t.heading
	}
	return t.heading + " " + t.is.Error()
}

// Unwrap returns the error of which the words are; nil for none.
func (t *told) Unwrap() error { return t.is }

// tell returns an error with words of its own.
func tell(status int, heading, then string, acts ...act) *told {
	return &told{failure{nil, status, heading, then, false}, acts}
}

// failureOf returns what a person is told of an error.
func failureOf(err error) failure {
	var own *told
	if errors.As(err, &own) {
		return own.failure
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return failure{nil, http.StatusRequestEntityTooLarge, "This is too large.", "Nothing was taken in.", false}
	}
	for _, f := range failures {
		if errors.Is(err, f.is) {
			return f
		}
	}
	return failure{nil, http.StatusInternalServerError, "Something is broken here.", "It was noted. Nothing that you see was changed by it.", true}
}

// errorView is the page of an error.
type errorView struct {
	Heading, Then, RequestID string
	Again                    string // the address to try again; empty if that does not help
	Acts                     []act
}

// fail answers with the page of an error, and logs what is broken. Whoever is not known is sent to
// the sign-in page.
func (c *call) fail(err error) {
	if errors.Is(err, httpapi.ErrUnauthenticated) {
		to := signInPath
		if next := nextOf(c.r.URL.Path); next != "" {
			to += "?next=" + next
		}
		_ = c.redirect(to)
		return
	}
	if errors.Is(err, context.Canceled) && c.r.Context().Err() != nil {
		return // nobody is there any more
	}
	id, _ := c.r.Context().Value(requestKey{}).(string)
	f := failureOf(err)
	if f.status >= http.StatusInternalServerError {
		level := slog.LevelError
		if f.status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
			c.w.Header().Set("Retry-After", "2")
		}
		c.page.Logger.Log(c.r.Context(), level, "a request failed", "request_id", id, "method", c.r.Method, "route", c.r.Pattern,
			"caller", c.caller.Name, "err", err)
	}
	view := errorView{Heading: f.heading, Then: f.then, RequestID: id}
	if own := (*told)(nil); errors.As(err, &own) {
		view.Acts = own.acts
	}
	if f.again && c.r.Method == http.MethodGet {
		view.Again = c.r.URL.RequestURI()
	}
	if err := c.renderAs(f.status, "error", f.heading, view); err != nil {
		c.page.Logger.ErrorContext(c.r.Context(), "the page of an error cannot be written", "request_id", id, "err", err)
		http.Error(c.w, f.heading, f.status)
	}
}
