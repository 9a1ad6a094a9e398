package httpapi

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCheck: each way to be wrong has its code, and what is right has none.
func TestCheck(t *testing.T) {
	components := map[string]*schema{"Inner": {Type: types{"object"}, Properties: map[string]*schema{"n": {Type: types{"integer"}, Minimum: bound(1), Maximum: bound(9)}}, Required: []string{"n"}}}
	outer := &schema{Type: types{"object"}, Properties: map[string]*schema{
		"inner":   {AnyOf: []*schema{{Ref: "#/components/schemas/Inner"}, {Type: types{"null"}}}},
		"list":    {Type: types{"array"}, Items: &schema{Ref: "#/components/schemas/Inner"}, MaxItems: 2},
		"map":     {Type: types{"object"}, Values: &schema{Type: types{"boolean"}}},
		"text":    {Type: types{"string"}, MinLength: 2, MaxLength: 3},
		"long":    {Type: types{"string"}, MinLength: 2},
		"word":    {Type: types{"string"}, Enum: []string{"a", "b"}},
		"decimal": {Type: types{"string"}, Format: formatDecimal, Pattern: `^-?[0-9]{1,40}(\.[0-9]{1,19})?$`},
		"date":    {Type: types{"string"}, Format: formatDate},
		"time":    {Type: types{"string"}, Format: formatTime},
		"span":    {Type: types{"string"}, Format: formatDuration},
		"ratio":   {Type: types{"number"}, Minimum: bound(0)},
		"least":   {Type: types{"number"}, Maximum: bound(5)},
		"either":  {Type: types{"string", "null"}},
	}}
	for body, want := range map[string][]string{
		`{}`:                                   nil,
		`{"inner":null,"either":null}`:         nil,
		`{"inner":{"n":3},"list":[{"n":1}]}`:   nil,
		`{"inner":{}}`:                         {"inner.n required"},
		`{"inner":{"n":0}}`:                    {"inner.n range"},
		`{"inner":{"n":10}}`:                   {"inner.n range"},
		`{"inner":{"n":1.5}}`:                  {"inner.n format"},
		`{"inner":{"n":1e0}}`:                  {"inner.n format"},
		`{"inner":{"n":99999999999999999999}}`: {"inner.n format"},
		`{"inner":{"n":1e999}}`:                {"inner.n range"},
		`{"inner":{"n":"1"}}`:                  {"inner.n type"},
		`{"inner":[]}`:                         {"inner type"},
		`{"list":[{"n":1},{"n":0,"m":1}]}`:     {"list[1].m unknown", "list[1].n range"},
		`{"list":[1,2,3]}`:                     {"list length"},
		`{"map":{"x":true,"y":1}}`:             {"map.y type"},
		`{"text":"a"}`:                         {"text length"},
		`{"text":"äöü"}`:                       nil,
		`{"text":"abcd"}`:                      {"text length"},
		`{"long":"a"}`:                         {"long length"},
		`{"word":"c"}`:                         {"word value"},
		`{"decimal":"1.50"}`:                   nil,
		`{"decimal":"1.5e1"}`:                  {"decimal format"},
		`{"decimal":"1000000000000000"}`:       {"decimal format"},
		`{"decimal":"+1"}`:                     {"decimal format"},
		`{"decimal":".5"}`:                     {"decimal format"},
		`{"decimal":1.5}`:                      {"decimal type"},
		`{"date":"2026-02-28"}`:                nil,
		`{"date":"2026-02-30"}`:                {"date format"},
		`{"date":"20260228"}`:                  {"date format"},
		`{"date":""}`:                          {"date format"},
		`{"time":"2026-06-01T15:00:00+02:00"}`: nil,
		`{"time":"2026-06-01"}`:                {"time format"},
		`{"time":"0001-01-01T00:00:00Z"}`:      {"time format"},
		`{"span":"5m"}`:                        nil,
		`{"span":"5"}`:                         {"span format"},
		`{"ratio":-1}`:                         {"ratio range"},
		`{"least":6}`:                          {"least range"},
		`{"Ratio":1}`:                          {"Ratio unknown"},
	} {
		v, err := readJSON([]byte(body))
		require.NoError(t, err, body)
		c := checker{components: components, patterns: &sync.Map{}}
		c.check("", v, outer)
		var got []string
		for _, w := range c.wrong {
			got = append(got, w.Field+" "+w.Code)
			require.NotEmpty(t, w.Detail)
		}
		require.Equal(t, want, got, body)
	}
	many := `{`
	for i := range 500 {
		many += fmt.Sprintf(`"f%d":1,`, i)
	}
	v, err := readJSON([]byte(many + `"z":1}`))
	require.NoError(t, err)
	c := checker{components: components, patterns: &sync.Map{}}
	c.check("", v, outer)
	require.Len(t, c.wrong, maxProblems, "the list of what is wrong is bounded")
}
