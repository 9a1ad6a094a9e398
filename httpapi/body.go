package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep objects and lists are nested in a request.
const maxDepth = 20

// maxProblems bounds how many wrong fields a problem lists.
const maxProblems = 100

// errSyntax is returned for a body that is no JSON, with what is wrong in words for the client.
type errSyntax struct{ detail string }

func (e errSyntax) Error() string { return e.detail }

// object is a JSON object whose fields are in order.
type object map[string]any

// readJSON reads the one JSON value of a body: an object, a list ([]any), a string, a json.Number,
// a bool or nil. It is strict: a name that comes twice, data behind the value, text that is not
// UTF-8 and what is nested too deep are an errSyntax.
func readJSON(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errSyntax{"The body is not UTF-8."}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	v, err := readValue(dec, "", 0)
	if err != nil {
		var known errSyntax
		if errors.As(err, &known) {
			return nil, known
		}
		return nil, errSyntax{fmt.Sprintf("The body is no JSON, as byte %d shows.", dec.InputOffset())}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errSyntax{"There is something behind the JSON value of the body."}
	}
	return v, nil
}

// readValue reads the value at a path.
func readValue(dec *json.Decoder, path string, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return token, nil
	}
	if depth == maxDepth {
		return nil, errSyntax{fmt.Sprintf("The body is nested deeper than %d levels.", maxDepth)}
	}
	if delim == '[' {
		list := []any{}
		for dec.More() {
			v, err := readValue(dec, fmt.Sprintf("%s[%d]", path, len(list)), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = dec.Token()
		return list, err
	}
	fields := object{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := fields[name]; twice {
			return nil, errSyntax{fmt.Sprintf("The field %q comes twice.", join(path, name))}
		}
		if fields[name], err = readValue(dec, join(path, name), depth+1); err != nil {
			return nil, err
		}
	}
	_, err = dec.Token()
	return fields, err
}

// join returns the path of a field of what is at a path, clipped: names are the client's, and paths
// of any length would be copied once for each item of a list.
func join(path, name string) string {
	if path == "" {
		return clip(name)
	}
	return clip(path + "." + clip(name))
}

// clip returns a text of the client's, short enough to be repeated to it.
func clip(s string) string {
	if len(s) <= 100 {
		return s
	}
	return strings.ToValidUTF8(s[:96], "") + "…"
}
