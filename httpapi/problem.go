package httpapi

import (
	"net/http"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/risk"
)

// Problem is an answer that says what went wrong, as RFC 9457 has it. It tells nothing of the
// inside of the service: the log has that, under the request's id.
type Problem struct {
	Type   string `json:"type" doc:"A URN made of the code."`
	Title  string `json:"title" doc:"The code in words, the same for every problem of the code."`
	Status int    `json:"status"`
	Code   Code   `json:"code" doc:"What went wrong, for programs. A code never changes its meaning; others may be added."`
	Detail string `json:"detail,omitempty" doc:"What went wrong this time, for people."`
	// RequestID is the id under which the log has the request.
	RequestID string `json:"request_id" doc:"The id under which the log has the request; also in the header X-Request-Id."`
	// Errors are all wrong fields and parameters.
	Errors []FieldError `json:"errors,omitempty" doc:"Every wrong field and parameter."`
	// Decision is the refusal of an order, with every rule that the order breaks.
	Decision *risk.Decision `json:"decision,omitempty" doc:"Of a refused order: every rule that the order breaks."`
	// Undecided says that a refusal is not final: what was not known may be known later.
	Undecided bool `json:"undecided,omitempty" doc:"The refusal is not final: the same order may be sent again under its key."`
	// Current is the profile as it is now, of a version that did not match.
	Current *accounts.AccountProfile `json:"current,omitempty" doc:"The profile as it is now, where the version did not match."`
	// Missing are the marks and rates without which the call could not be answered.
	Missing *accounts.MissingError `json:"missing,omitempty" doc:"The marks and rates without which equity is not known."`
}

// Code is the stable code of a problem.
type Code string

// The codes of problems.
const (
	CodeInvalid          Code = "invalid"                // wrong fields or parameters; errors lists them
	CodeSyntax           Code = "invalid_json"           // the body is no JSON, or none that is accepted
	CodeUnreadable       Code = "unreadable_statement"   // the file is no statement
	CodeKeyRequired      Code = "idempotency_key_needed" // the header Idempotency-Key is missing or wrong
	CodeUnauthenticated  Code = "unauthenticated"
	CodeForbidden        Code = "forbidden"
	CodeCrossOrigin      Code = "cross_origin"
	CodeMisdirected      Code = "misdirected"
	CodeNotFound         Code = "not_found" // no such route
	CodeProfileNotFound  Code = "profile_not_found"
	CodePositionNotFound Code = "position_not_found"
	CodeOrderNotFound    Code = "order_not_found"
	CodeNoActive         Code = "no_active_profile"
	CodeNoCredentials    Code = "credentials_not_found"
	CodeMethod           Code = "method_not_allowed"
	CodeNotAcceptable    Code = "unsupported_media_type"
	CodeTooLarge         Code = "too_large"
	CodeVersionRequired  Code = "version_required"
	CodeVersion          Code = "version_mismatch"
	CodeConflict         Code = "conflict"
	CodeNameTaken        Code = "name_taken"
	CodeAccountTaken     Code = "account_taken"
	CodeNotActive        Code = "profile_not_active"
	CodeKeyReused        Code = "idempotency_key_reused"
	CodeAmbiguous        Code = "ambiguous"
	CodeOutOfOrder       Code = "out_of_order"
	CodeLevels           Code = "levels_differ" // a statement tells in another form what the book may have
	CodeWrongAccount     Code = "wrong_account"
	CodeLoginShared      Code = "login_shared"
	CodeStillHeld        Code = "still_held"
	CodeFact             Code = "fact_refused" // a statement's fact contradicts the journal
	CodeNotLinked        Code = "not_linked"
	CodeDispatched       Code = "order_sent"
	CodeRefused          Code = "refused"
	CodeRejected         Code = "broker_rejected"
	CodeEquityUnknown    Code = "equity_unknown"
	CodeNoCredStore      Code = "no_credential_store"
	CodeCanceled         Code = "canceled"
	CodeInternal         Code = "internal"
	CodeCorrupt          Code = "journal_corrupt"
	CodeUnavailable      Code = "unavailable"
	CodeTimeout          Code = "timeout"
	CodeBusy             Code = "too_many_streams"
	CodeBrokerNotReady   Code = "broker_not_ready"
	CodeSwitchFailed     Code = "switch_failed"
	CodeOutcomeUnknown   Code = "outcome_unknown"
	CodeIncomplete       Code = "incomplete"
)

// statusCanceled is the status of a request whose client has left. Nobody reads it but the log.
const statusCanceled = 499

// codes are the status and the title of each code.
var codes = map[Code]struct {
	status int
	title  string
}{
	CodeInvalid:          {http.StatusBadRequest, "Fields are wrong"},
	CodeSyntax:           {http.StatusBadRequest, "The body cannot be read"},
	CodeUnreadable:       {http.StatusUnprocessableEntity, "The statement cannot be read"},
	CodeKeyRequired:      {http.StatusBadRequest, "An idempotency key is needed"},
	CodeUnauthenticated:  {http.StatusUnauthorized, "Who calls is not known"},
	CodeForbidden:        {http.StatusForbidden, "The caller lacks the right"},
	CodeCrossOrigin:      {http.StatusForbidden, "The request comes from another site"},
	CodeMisdirected:      {http.StatusMisdirectedRequest, "The service does not answer for this host"},
	CodeNotFound:         {http.StatusNotFound, "There is no such route"},
	CodeProfileNotFound:  {http.StatusNotFound, "There is no such profile"},
	CodePositionNotFound: {http.StatusNotFound, "There is no such position"},
	CodeOrderNotFound:    {http.StatusNotFound, "There is no such order"},
	CodeNoActive:         {http.StatusNotFound, "No profile is active"},
	CodeNoCredentials:    {http.StatusNotFound, "There are no such credentials"},
	CodeMethod:           {http.StatusMethodNotAllowed, "The route does not take this method"},
	CodeNotAcceptable:    {http.StatusUnsupportedMediaType, "The body is of another type"},
	CodeTooLarge:         {http.StatusRequestEntityTooLarge, "The body is too large"},
	CodeVersionRequired:  {http.StatusPreconditionRequired, "The version that is changed must be named"},
	CodeVersion:          {http.StatusPreconditionFailed, "Somebody changed this"},
	CodeConflict:         {http.StatusConflict, "Somebody else made a change at the same time"},
	CodeNameTaken:        {http.StatusConflict, "Another profile has the name"},
	CodeAccountTaken:     {http.StatusConflict, "Another profile has the account"},
	CodeNotActive:        {http.StatusConflict, "The profile is not active"},
	CodeKeyReused:        {http.StatusConflict, "The key belongs to another request"},
	CodeAmbiguous:        {http.StatusConflict, "Several profiles have the account"},
	CodeOutOfOrder:       {http.StatusConflict, "The statement is older than what the book begins with"},
	CodeLevels:           {http.StatusConflict, "The statement tells in another form what the book may have"},
	CodeWrongAccount:     {http.StatusConflict, "The statement is of another account"},
	CodeLoginShared:      {http.StatusConflict, "Other profiles use the login"},
	CodeStillHeld:        {http.StatusConflict, "The order is still held"},
	CodeFact:             {http.StatusConflict, "The book cannot take what the statement says"},
	CodeNotLinked:        {http.StatusConflict, "The profile is not linked to an account"},
	CodeDispatched:       {http.StatusConflict, "The order was sent"},
	CodeRefused:          {http.StatusUnprocessableEntity, "The order is refused"},
	CodeRejected:         {http.StatusUnprocessableEntity, "The broker rejected the order"},
	CodeEquityUnknown:    {http.StatusConflict, "Equity is not known"},
	CodeNoCredStore:      {http.StatusConflict, "The service keeps no credentials"},
	CodeCanceled:         {statusCanceled, "The client has left"},
	CodeInternal:         {http.StatusInternalServerError, "Something is broken"},
	CodeCorrupt:          {http.StatusInternalServerError, "The journal cannot be trusted"},
	CodeUnavailable:      {http.StatusServiceUnavailable, "The service cannot answer now"},
	CodeTimeout:          {http.StatusServiceUnavailable, "The answer takes too long"},
	CodeBusy:             {http.StatusServiceUnavailable, "Too many streams are open"},
	CodeBrokerNotReady:   {http.StatusServiceUnavailable, "The broker cannot be reached"},
	CodeSwitchFailed:     {http.StatusBadGateway, "The gateway of the profile could not be connected"},
	CodeOutcomeUnknown:   {http.StatusGatewayTimeout, "It is not known whether this was done"},
	CodeIncomplete:       {http.StatusServiceUnavailable, "A part of this was done"},
}

// newProblem returns the problem of a code.
func newProblem(code Code, detail string) *Problem {
	c := codes[code]
	return &Problem{Type: "urn:accounts:problem:" + string(code), Title: c.title, Status: c.status, Code: code, Detail: detail}
}

// Error returns the code: a problem is an error that a handler returns.
func (p *Problem) Error() string { return string(p.Code) }

// invalidFields returns the problem of wrong fields.
func invalidFields(wrong ...FieldError) *Problem {
	p := newProblem(CodeInvalid, "Each wrong field is listed in errors.")
	p.Errors = wrong
	return p
}
