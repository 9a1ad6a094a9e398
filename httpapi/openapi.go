package httpapi

import (
	_ "embed" // the examples
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-ots/accounts"
)

// jsonObject is a part of the description.
type jsonObject = map[string]any

// apiVersion is the version of the description. It changes with what a client can see.
const apiVersion = "1.0.0"

const apiText = `Accounts at a broker, and the orders that may leave for them.

The account is in the path of every call. There is no current account: the active profile is a preference that no other call depends on.
Money, prices and quantities are strings, exact to the digit. Times are RFC 3339. Unknown fields, unknown parameters and names that come twice are refused.
Whatever fails is a problem (RFC 9457) with a stable code; all wrong fields are listed at once. What is not the caller's does not exist (404).
A call that was answered with 503, or with 504 under an idempotency key, may be sent again as it is.`

// tagTexts are the groups of calls.
var tagTexts = map[string]string{
	"profiles": "Accounts, and how they may trade.", "portfolio": "What an account holds.", "history": "What happened in an account.",
	"orders": "Orders, from the check to the cancellation.", "trading": "Halt, reduce, resume.", "performance": "How accounts did.",
	"credentials": "Secrets: written, never read.", "statements": "The broker's own figures.", "link": "Connections to the broker.",
	"signals": "One decision for many accounts.", "events": "What changes, as it changes.", "service": "The service itself.",
	"aliases": "Calls under earlier names.",
}

// exampleText has an answer of each call, and a problem of each status, as a desk with a paper
// broker gave them.
//
//go:embed examples.json
var exampleText []byte

// examples are the examples in the description.
type examples struct {
	Answers  map[string]json.RawMessage `json:"answers"`  // by operationId
	Problems map[string]json.RawMessage `json:"problems"` // by status
}

// readExamples reads exampleText.
func readExamples() (e examples) {
	if err := json.Unmarshal(exampleText, &e); err != nil {
		panic(err) // the file is wrong, whatever the config
	}
	return e
}

// content describes the body of an answer, with an example if there is one.
func content(kind string, s *schema, example json.RawMessage) jsonObject {
	body := jsonObject{"schema": s}
	if len(example) > 0 {
		body["example"] = example
	}
	return jsonObject{kind: body}
}

// describe makes the description, and the schemas that requests are held against.
func (a *API) describe() {
	r := newReflector()
	problem := r.of(reflect.TypeFor[Problem]())
	paths, given := jsonObject{}, readExamples()
	for _, route := range a.routes {
		if route.action.in != nil {
			route.body = r.of(route.action.in)
		}
		if route.action.out != nil {
			route.result = r.of(route.action.out)
		}
		full := route.full()
		if paths[full] == nil {
			paths[full] = jsonObject{}
		}
		paths[full].(jsonObject)[strings.ToLower(route.method)] = operation(route, problem, &given)
	}
	a.components = r.components
	tags := []jsonObject{}
	for _, name := range slices.Sorted(maps.Keys(tagTexts)) {
		tags = append(tags, jsonObject{"name": name, "description": tagTexts[name]})
	}
	text, err := json.Marshal(jsonObject{
		"openapi":           "3.1.0",
		"jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
		"info":              jsonObject{"title": "accounts", "version": apiVersion, "description": apiText},
		"servers":           []jsonObject{{"url": "/"}},
		"tags":              tags,
		"security":          []jsonObject{{"bearer": []string{}}},
		"paths":             paths,
		"components": jsonObject{"schemas": r.components,
			"securitySchemes": jsonObject{"bearer": jsonObject{"type": "http", "scheme": "bearer"}}},
	})
	if err != nil {
		panic(err) // the table is wrong, whatever the config
	}
	a.description = text
}

// operation describes a call.
func operation(r *route, problem *schema, given *examples) jsonObject {
	op := jsonObject{"operationId": r.id, "summary": r.text, "tags": []string{r.tag}, "responses": responses(r, problem, given)}
	more := r.more
	if r.right != 0 {
		more = strings.TrimSpace(more + "\n\nNeeds the right `" + r.right.String() + "`.")
		op["x-right"] = r.right.String()
	}
	if r.old != "" {
		op["deprecated"] = true
		more = strings.TrimSpace(more + "\n\nUse `" + r.old + "`.")
	}
	if more != "" {
		op["description"] = more
	}
	if r.raw {
		op["security"] = []jsonObject{}
	}
	params := []jsonObject{}
	for _, p := range r.params {
		params = append(params, describeParam(p))
	}
	if len(params) > 0 {
		op["parameters"] = params
	}
	switch {
	case r.upload:
		op["requestBody"] = jsonObject{"required": true, "description": "The file as the broker wrote it, XML or CSV.", "content": jsonObject{
			"application/xml": jsonObject{}, "text/csv": jsonObject{}, "application/octet-stream": jsonObject{}}}
	case r.body != nil:
		op["requestBody"] = jsonObject{"required": true, "content": content("application/json", r.body, json.RawMessage(r.sample))}
	}
	return op
}

// describeParam describes a parameter.
func describeParam(p param) jsonObject {
	var s any = p.schema
	if p.many {
		s = jsonObject{"type": "array", "items": p.schema, "maxItems": maxProblems}
	}
	out := jsonObject{"name": p.name, "in": p.in, "required": p.needed || p.in == "path", "description": p.text, "schema": s}
	if p.many {
		out["style"], out["explode"] = "form", false
	}
	return out
}

// responses describes the answers of a call: the good one, and the problems by their status.
func responses(r *route, problem *schema, given *examples) jsonObject {
	good := jsonObject{"description": "All is well."}
	status := max(r.status, http.StatusOK)
	switch {
	case r.stream:
		good["content"] = jsonObject{streamType: jsonObject{"schema": jsonObject{"type": "string"}, "x-data": r.result}}
	case r.result != nil:
		good["content"] = content("application/json", r.result, given.Answers[r.id])
	default:
		status = http.StatusNoContent
	}
	if r.action.out == rawType {
		status = http.StatusOK
	}
	headers := describeHeaders(nil, "X-Request-Id", "The id under which the log has the request.")
	good["headers"] = headers
	if r.versioned() {
		good["headers"] = describeHeaders(headers, "ETag", "The version of the profile, for If-Match.")
	}
	out := jsonObject{strconv.Itoa(status): good}
	if status == http.StatusCreated { // a repeat of what was created
		out["200"] = jsonObject{"description": "This was done before, under the same key.", "content": good["content"], "headers": good["headers"]}
	}
	byStatus := map[int][]string{}
	for _, code := range r.problems() {
		byStatus[codes[code].status] = append(byStatus[codes[code].status], string(code))
	}
	for status, list := range byStatus {
		slices.Sort(list)
		own := headers
		if h, ok := statusHeaders[status]; ok {
			own = describeHeaders(headers, h[0], h[1])
		}
		name := strconv.Itoa(status)
		out[name] = jsonObject{"description": "`" + strings.Join(list, "`, `") + "`", "headers": own, "x-codes": list,
			"content": content("application/problem+json", problem, given.Problems[name])}
	}
	return out
}

// statusHeaders are the headers that problems of a status have besides.
var statusHeaders = map[int][2]string{
	http.StatusUnauthorized:       {"WWW-Authenticate", "How to authenticate."},
	http.StatusPreconditionFailed: {"ETag", "The version of the profile as it is now."},
	http.StatusServiceUnavailable: {"Retry-After", "In how many seconds to try again."},
}

// describeHeaders adds a header to others.
func describeHeaders(others jsonObject, name, text string) jsonObject {
	out := jsonObject{name: jsonObject{"description": text, "schema": jsonObject{"type": "string"}}}
	maps.Copy(out, others)
	return out
}

// versioned reports whether the answer has the version of a profile.
func (r *route) versioned() bool {
	return r.action.out == reflect.TypeFor[accounts.AccountProfile]() || r.action.out == reflect.TypeFor[limitsView]()
}

// problems returns the codes of all problems that a call can answer with, but for what the client
// never sees.
func (r *route) problems() []Code {
	list := append([]Code{CodeMisdirected, CodeInternal}, r.codes...)
	if !r.raw {
		list = append(list, CodeUnauthenticated, CodeForbidden, CodeUnavailable, CodeInvalid, CodeCrossOrigin)
		if !r.stream {
			list = append(list, CodeTimeout)
		}
		if r.method != http.MethodGet {
			list = append(list, CodeConflict, CodeOutcomeUnknown)
		}
	}
	if r.body != nil {
		list = append(list, CodeSyntax, CodeNotAcceptable, CodeTooLarge)
	}
	for _, p := range r.params {
		switch {
		case p.in == "path" && p.name == profileParam.name:
			list = append(list, CodeProfileNotFound, CodeCorrupt)
		case p.name == keyParam.name:
			list = append(list, CodeKeyRequired)
		case p.name == matchParam.name:
			list = append(list, CodeVersionRequired, CodeVersion)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
