package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Schema is a JSON Schema of draft 2020-12, as far as the description needs it. Requests are held
// against the same schemas that the description publishes.
type schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Type        types              `json:"type,omitempty"`
	Description string             `json:"description,omitempty"`
	Format      string             `json:"format,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Values      *schema            `json:"additionalProperties,omitempty"` // of a map
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	MinLength   int                `json:"minLength,omitempty"`
	MaxLength   int                `json:"maxLength,omitempty"`
	MaxItems    int                `json:"maxItems,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	WriteOnly   bool               `json:"writeOnly,omitempty"`
	Default     any                `json:"default,omitempty"`
	Examples    []any              `json:"examples,omitempty"`
}

// types are the JSON types of a value: one, or one and null.
type types []string

// MarshalJSON writes a single type as a string.
func (t types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// The formats of texts that are checked beyond their pattern.
const (
	formatDecimal  = "decimal"
	formatDate     = "date"
	formatTime     = "date-time"
	formatDuration = "go-duration"
)

// described is a type that says itself what its schema is.
type described interface{ describe(r *reflector) *schema }

// reflector makes schemas of Go types, by their JSON tags. Structs with a name become components.
type reflector struct {
	components map[string]*schema
	named      map[reflect.Type]string
}

func newReflector() *reflector {
	return &reflector{components: map[string]*schema{}, named: map[reflect.Type]string{}}
}

// wellKnown are the schemas of types whose JSON is no struct, list, map or plain value.
var wellKnown = map[reflect.Type]schema{
	reflect.TypeFor[ledger.Decimal](): {Type: types{"string"}, Format: formatDecimal, Pattern: `^-?[0-9]{1,40}(\.[0-9]{1,19})?$`,
		Description: "An exact decimal number, as a string: money, a price or a quantity.", Examples: []any{"-1234.50"}},
	reflect.TypeFor[ledger.Date](): {Type: types{"string"}, Format: formatDate,
		Description: "A calendar day without a time zone.", Examples: []any{"2026-06-19"}},
	reflect.TypeFor[time.Time](): {Type: types{"string"}, Format: formatTime,
		Description: "A time; answers are in UTC, at microseconds.", Examples: []any{"2026-06-01T15:00:00Z"}},
	rawType:                          {Type: types{"object"}},
	reflect.TypeFor[accounts.Hash](): {Type: types{"string"}, Pattern: "^[0-9a-f]{64}$", Description: "A SHA-256."},
	reflect.TypeFor[time.Duration](): {Type: types{"string"}, Format: formatDuration, Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, Description: "A duration.", Examples: []any{"5m"}},
}

// alwaysListed are fields that are written even where they are empty, though their tags leave them
// out: the type's own MarshalJSON writes an empty list.
var alwaysListed = map[reflect.Type][]string{
	reflect.TypeFor[ledger.Position]():      {"lots"},
	reflect.TypeFor[ledger.PositionValue](): {"lots"},
	reflect.TypeFor[risk.Hold]():            {"warnings"},
	reflect.TypeFor[risk.StateChange]():     {"recount"},
	reflect.TypeFor[ledger.Transfer]():      {"lots"},
}

// of returns the schema of a type; of a pointer's, that of what it leads to.
func (r *reflector) of(t reflect.Type) *schema {
	if t.Kind() == reflect.Pointer {
		return r.of(t.Elem())
	}
	if s, known := wellKnown[t]; known {
		return r.share(t, &s)
	}
	if d, ok := reflect.New(t).Elem().Interface().(described); ok {
		return d.describe(r)
	}
	if list, known := enums[t]; known {
		return r.share(t, &schema{Type: types{"string"}, Enum: list})
	}
	switch t.Kind() {
	case reflect.String:
		return &schema{Type: types{"string"}}
	case reflect.Bool:
		return &schema{Type: types{"boolean"}}
	case reflect.Int, reflect.Int64, reflect.Int32:
		return &schema{Type: types{"integer"}}
	case reflect.Float64:
		return &schema{Type: types{"number"}}
	case reflect.Slice:
		return &schema{Type: types{"array"}, Items: r.of(t.Elem())}
	case reflect.Map:
		return &schema{Type: types{"object"}, Values: r.of(t.Elem())}
	case reflect.Struct:
		return r.component(t)
	}
	panic(fmt.Sprintf("httpapi: no schema for %s", t))
}

// share returns a reference to the schema of a type that many others have.
func (r *reflector) share(t reflect.Type, s *schema) *schema {
	if t == rawType {
		return s
	}
	name, known := r.named[t]
	if !known {
		name = componentName(t)
		if _, taken := r.components[name]; taken {
			panic(fmt.Sprintf("httpapi: two types are named %s; the second is %s", name, t))
		}
		r.named[t], r.components[name] = name, s
	}
	return &schema{Ref: "#/components/schemas/" + name}
}

// component returns a reference to a struct's schema, which it makes once.
func (r *reflector) component(t reflect.Type) *schema {
	_, known := r.named[t]
	s := &schema{Type: types{"object"}, Properties: map[string]*schema{}, Description: descriptions[t]}
	ref := r.share(t, s) // before its fields: types may contain themselves
	if !known {
		r.fields(t, s)
		s.Required = append(s.Required, alwaysListed[t]...)
	}
	return ref
}

// fields adds a struct's fields to its schema, those of embedded structs among them. A field hides
// the embedded field of its name.
func (r *reflector) fields(t reflect.Type, s *schema) {
	var embedded []reflect.Type
	for i := range t.NumField() {
		f := t.Field(i)
		tag, listed := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous && !listed {
			embedded = append(embedded, f.Type)
			continue
		}
		if !f.IsExported() || name == "-" || !listed {
			continue
		}
		field := r.of(f.Type)
		if text := cmp.Or(f.Tag.Get("doc"), fieldTexts[t][name]); text != "" {
			field = field.says(text)
		}
		s.Properties[name] = field
		if !strings.Contains(options, "omit") {
			s.Required = append(s.Required, name)
		}
	}
	for _, t := range embedded {
		inner := &schema{Properties: map[string]*schema{}}
		r.fields(t, inner)
		for name, p := range inner.Properties {
			if _, hidden := s.Properties[name]; !hidden {
				s.Properties[name] = p
			}
		}
		s.Required = append(s.Required, inner.Required...)
	}
}

// says returns the schema with a description of its own.
func (s *schema) says(text string) *schema {
	out := *s
	out.Description = text
	return &out
}

// nullable returns a schema that allows null besides.
func (s *schema) nullable() *schema {
	if s.Ref != "" {
		return &schema{AnyOf: []*schema{s, {Type: types{"null"}}}}
	}
	out := *s
	out.Type = append(append(types{}, s.Type...), "null")
	return &out
}

// componentName returns the name of a type in the description: its own, with its package's where
// several packages have a type of the name.
func componentName(t reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "Timestamp" // Time tells clients of the time of day
	}
	name := t.Name()
	if short, inner, generic := strings.Cut(name, "["); generic { // Recorded[…/ledger.Trade] is RecordedTrade
		inner = strings.TrimSuffix(inner, "]")
		inner = inner[strings.LastIndexByte(inner, '.')+1:]
		name = short + strings.ToUpper(inner[:1]) + inner[1:]
	}
	name = strings.ToUpper(name[:1]) + name[1:]
	switch pkg := t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]; {
	case pkg == "broker" || pkg == "reconcile" || pkg == "performance" || name == "Report":
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	case pkg == "credentials":
		return "Credential" + name
	}
	return name
}
