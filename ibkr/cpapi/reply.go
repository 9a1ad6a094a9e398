package cpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ai-ots/accounts/broker"
)

// ErrUnreadable is returned for an answer that cannot be read: empty, no JSON, or of another shape.
// What the answer was about is not known.
var ErrUnreadable = errors.New("the broker's answer cannot be read")

// errNotPrepared says that the session has to be told of its accounts again.
var errNotPrepared = errors.New("the session does not know its accounts")

// APIError is a refusal by the API. It matches [broker.ErrLoginNeeded], [broker.ErrNotConnected] or
// [broker.ErrPaced] where the refusal says so, and none of them otherwise.
type APIError struct {
	Path   string `json:"path"`   // without the query
	Status int    `json:"status"` // of HTTP: refusals come with 200 as well
	Reason string `json:"reason"` // the broker's words; empty if there were none
	kind   error
	epoch  int64 // the session in which it was asked
}

func (e *APIError) Error() string {
	return fmt.Sprintf("%s: status %d: the broker refused: %.200q", e.Path, e.Status, e.Reason)
}

// Unwrap returns the sentinel that the refusal matches; nil if it matches none.
func (e *APIError) Unwrap() error { return e.kind }

// saidNo reports whether an error is a refusal about what was asked, and not about the session or
// the server.
func saidNo(err error) bool {
	var refusal *APIError
	return errors.As(err, &refusal) && refusal.kind == nil && refusal.Status < 500
}

// reply is what came back for a request.
type reply struct {
	path   string
	status int
	asOf   time.Time // when it was asked for
	body   []byte
	epoch  int64 // the session in which it was asked
}

// decode reads the reply into v. Errors: *APIError, ErrUnreadable.
func (r *reply) decode(v any) error {
	body := bytes.TrimSpace(r.body)
	if err := r.refused(body); err != nil {
		return err
	}
	if len(body) == 0 || bytes.Equal(body, []byte("null")) {
		return fmt.Errorf("%s: status %d: %w: it is empty", r.path, r.status, ErrUnreadable)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s: status %d: %w: %w", r.path, r.status, ErrUnreadable, err)
	}
	return nil
}

// refused returns the refusal that the reply is, in whichever of its shapes; nil if it is none.
func (r *reply) refused(body []byte) error {
	words, refusal := refusalWords(body)
	if !refusal && r.status < 300 {
		return nil
	}
	return &APIError{Path: r.path, Status: r.status, Reason: words, kind: kindOf(r.status, words), epoch: r.epoch}
}

// refusalWords returns the words of a refusal. They come as error, a text or an object; beside a
// statusCode; beside success: false; as the one element of a list; or as bare text.
func refusalWords(body []byte) (words string, refusal bool) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return "", false
	}
	switch body[0] {
	case '{':
		return objectWords(body)
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(body, &list) == nil && len(list) == 1 && len(list[0]) > 0 && list[0][0] == '{' {
			return objectWords(list[0])
		}
		return "", false
	case '<': // a page of a proxy, of the login, or of maintenance
		return "a web page", false
	}
	return strings.TrimSpace(string(body[:min(len(body), 200)])), false
}

func objectWords(body []byte) (words string, refusal bool) {
	var o struct {
		Error       json.RawMessage `json:"error"`
		Message     json.RawMessage `json:"message"`
		StatusCode  whole           `json:"statusCode"`
		Success     json.RawMessage `json:"success"`
		FailureList text            `json:"failure_list"`
		Text        text            `json:"text"`
	}
	if json.Unmarshal(body, &o) != nil {
		return "", false
	}
	if words = wordsOf(o.Error); words != "" {
		return words, true
	}
	for _, w := range []string{string(o.FailureList), string(o.Text), wordsOf(o.Message)} {
		if words == "" {
			words = w
		}
	}
	return words, o.StatusCode >= 400 || bytes.Equal(o.Success, []byte("false"))
}

// wordsOf returns the words of a text, or of an object that has a message.
func wordsOf(raw json.RawMessage) string {
	var s text
	if len(raw) == 0 || s.UnmarshalJSON(raw) == nil {
		if s == "false" {
			return ""
		}
		return string(s)
	}
	var o struct {
		Message text `json:"message"`
	}
	if json.Unmarshal(raw, &o) == nil && o.Message != "" {
		return string(o.Message)
	}
	return string(raw[:min(len(raw), 200)])
}

// kindOf classifies a refusal. The API has no codes: where the status says nothing, its words are
// the only sign there is, and this is the only place that reads them, with isDuplicate.
func kindOf(status int, words string) error {
	words = strings.ToLower(words)
	switch {
	case status == http.StatusUnauthorized || status >= 300 && status < 400:
		return broker.ErrLoginNeeded
	case status == http.StatusTooManyRequests:
		return broker.ErrPaced
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return broker.ErrNotConnected // for a while; the session may live on
	case strings.Contains(words, "no bridge"), strings.Contains(words, "not authenticated"), strings.Contains(words, "not connected"):
		return broker.ErrNotConnected
	case strings.Contains(words, "accountid is not valid"), strings.Contains(words, "query /accounts first"):
		return errNotPrepared
	}
	return nil
}

// isDuplicate reports whether a refusal says that the reference of an order is taken.
func isDuplicate(words string) bool {
	words = strings.ToLower(words)
	return strings.Contains(words, "local order id") && strings.Contains(words, "already registered")
}

// list reads a reply that is a list, row by row.
func list[T any](r *reply) ([]T, error) {
	rows := []T(nil)
	if err := r.decode(&rows); err != nil {
		return nil, err
	}
	if rows == nil {
		return nil, fmt.Errorf("%s: %w: it is no list", r.path, ErrUnreadable)
	}
	return rows, nil
}
