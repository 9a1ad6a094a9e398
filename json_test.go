package accounts_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// sent is a value of every struct that a service may send as JSON.
var sent = []any{
	accounts.AccountProfile{}, accounts.Allocation{}, accounts.Batch{}, accounts.Checkpoint{}, accounts.Comparison{},
	accounts.CorruptError{}, accounts.CredentialAccess{}, accounts.Duplicate{}, accounts.DuplicateError{},
	accounts.Entry{}, accounts.Event{}, accounts.Gateway{}, accounts.Lease{}, accounts.LeasedError{},
	accounts.MissingError{}, accounts.Page{},
	accounts.ProfileFilter{}, accounts.Recorded[ledger.Trade]{}, accounts.RefusalError{}, accounts.Signal{},
	accounts.Snapshot{}, accounts.Standing{}, accounts.TradeFilter{},
	accounts.Activity{}, accounts.CallStats{}, accounts.PortfolioStats{}, accounts.Stats{}, accounts.StoreStats{},

	ledger.Amendment{}, ledger.Cancellation{}, ledger.CashBalance{}, ledger.CashMovement{}, ledger.CashTotals{},
	ledger.Closed{}, ledger.Closing{}, ledger.Completion{}, ledger.EquityPoint{}, ledger.FXRate{}, ledger.Instrument{},
	ledger.Lot{}, ledger.Mark{}, ledger.Notional{}, ledger.Opening{}, ledger.PendingPremium{}, ledger.Position{},
	ledger.PositionValue{},
	ledger.Prices{}, ledger.Restatement{}, ledger.Shift{}, ledger.Split{}, ledger.Totals{}, ledger.Trade{}, ledger.Transfer{},

	risk.Breach{}, risk.DatedPolicy{}, risk.DayTradeCount{}, risk.Decision{}, risk.Dispatch{}, risk.DrawdownLimits{},
	risk.Hold{}, risk.Incident{}, risk.Limit{}, risk.Limits{}, risk.Order{}, risk.PolicyChange{}, risk.Refusal{},
	risk.Release{}, risk.Report{}, risk.Restatement{}, risk.Sale{}, risk.StateChange{}, risk.StrategyPart{}, risk.Usage{},
	risk.Violation{}, risk.WorkingOrder{},

	performance.Curve{}, performance.CurvePoint{}, performance.Definition{}, performance.Report{}, performance.Window{},
	reconcile.Break{}, reconcile.Cash{}, reconcile.Closing{}, reconcile.Position{}, reconcile.Result{},
	reconcile.Statement{},
	sizing.Sizing{},
	invalid.Error{}, invalid.Field{},
}

// unsent are the exported structs that no service sends: handles, machines, and what a checkpoint
// holds.
var unsent = []string{
	"accounts.Fold", "accounts.MultiAccountManager", "accounts.Observation", "accounts.Portfolio",
	"ledger.Book", "ledger.Holding", "ledger.Record", "ledger.Refold",
	"performance.History",
	"sizing.ConfidenceWeighted", "sizing.FixedFraction", "sizing.FixedNotional", "sizing.FractionalKelly",
	"sizing.VolatilityTarget",
}

// typeName is the name of a type as in source text, without type arguments.
func typeName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return path.Base(t.PkgPath()) + "." + name
}

// Whoever adds an exported struct says whether a service sends the struct.
func TestEveryExportedStructIsSentOrNot(t *testing.T) {
	known := slices.Clone(unsent)
	for _, v := range sent {
		known = append(known, typeName(reflect.TypeOf(v)))
	}
	slices.Sort(known)
	var found []string
	for _, dir := range []string{".", "ledger", "risk", "sizing", "performance", "reconcile", "invalid"} {
		found = append(found, exportedStructs(t, dir)...)
	}
	slices.Sort(found)
	for _, name := range found {
		require.True(t, slices.Contains(known, name), "%s is neither in sent nor in unsent", name)
	}
	require.Equal(t, found, known, "sent and unsent name a struct twice, or one that does not exist")
}

// exportedStructs returns the names of the exported structs that a folder's package defines.
func exportedStructs(t *testing.T, dir string) (names []string) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err, "list the source files of %s", dir)
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		require.NoError(t, err, "parse %s", p)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			if _, ok := spec.Type.(*ast.StructType); ok {
				names = append(names, file.Name.Name+"."+spec.Name.Name)
			}
			return true
		})
	}
	require.NotEmpty(t, names, "no exported struct in %s", dir)
	return names
}

// Every value that a service sends is the same after JSON and back, and its JSON has one style.
func TestJSONRoundTrips(t *testing.T) {
	for _, v := range sent {
		typ := reflect.TypeOf(v)
		t.Run(typeName(typ), func(t *testing.T) {
			roundTrip(t, reflect.Zero(typ))
			rapid.Check(t, func(t *rapid.T) { roundTrip(t, randomOf(t, typ)) })
		})
	}
}

func roundTrip(t require.TestingT, v reflect.Value) {
	data, err := json.Marshal(v.Interface())
	require.NoError(t, err, "write %+v", v)
	back := reflect.New(v.Type())
	require.NoError(t, json.Unmarshal(data, back.Interface()), "read %s", data)
	require.Empty(t, difference(v, back.Elem()), "a field changed on its way through %s", data)
	again, err := json.Marshal(back.Interface())
	require.NoError(t, err, "write what was read from %s", data)
	require.Equal(t, string(data), string(again), "what was read is written otherwise")

	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var plain any
	require.NoError(t, dec.Decode(&plain), "read %s", data)
	requireStyle(t, typeName(v.Type()), v.Type(), plain)
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	decimalType  = reflect.TypeFor[ledger.Decimal]()
	dateType     = reflect.TypeFor[ledger.Date]()
	severityType = reflect.TypeFor[risk.Severity]()
	hashType     = reflect.TypeFor[accounts.Hash]()
	errorType    = reflect.TypeFor[error]()
	bytesType    = reflect.TypeFor[[]byte]()
	totalsType   = reflect.TypeFor[ledger.CashTotals]()
)

// randomOf returns a random value of the type.
func randomOf(t *rapid.T, typ reflect.Type) reflect.Value {
	label := typ.String()
	switch typ {
	case timeType:
		return reflect.ValueOf(randomTime(t))
	case decimalType:
		text := udecimal.MustFromInt64(rapid.Int64().Draw(t, label), uint8(rapid.IntRange(0, 19).Draw(t, "places"))).String()
		return reflect.ValueOf(udecimal.MustParse(text))
	case dateType:
		day := ledger.Date(0)
		if at := randomTime(t); !at.IsZero() {
			day = ledger.DateOf(at)
		}
		return reflect.ValueOf(day)
	case severityType:
		return reflect.ValueOf(risk.Severity(rapid.IntRange(0, 4).Draw(t, label)))
	case bytesType:
		return reflect.ValueOf(randomBytes(t))
	case totalsType:
		return reflect.ValueOf(randomTotals(t))
	case errorType:
		v := reflect.New(typ).Elem()
		if text := randomText(t); text != "" {
			v.Set(reflect.ValueOf(errors.New(text)))
		}
		return v
	}
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.String:
		v.SetString(randomText(t))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, label))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, label))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, label)))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(-1e300, 1e300).Draw(t, label))
	default:
		fillRandom(t, v)
	}
	return v
}

// fillRandom fills a value that consists of others.
func fillRandom(t *rapid.T, v reflect.Value) {
	typ := v.Type()
	few := rapid.IntRange(-1, 2) // -1 is for nil
	switch typ.Kind() {
	case reflect.Pointer:
		if rapid.Bool().Draw(t, typ.String()) {
			v.Set(reflect.New(typ.Elem()))
			v.Elem().Set(randomOf(t, typ.Elem()))
		}
	case reflect.Slice:
		if n := few.Draw(t, typ.String()); n >= 0 {
			v.Set(reflect.MakeSlice(typ, n, n))
			for i := range n {
				v.Index(i).Set(randomOf(t, typ.Elem()))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(randomOf(t, typ.Elem()))
		}
	case reflect.Map:
		if n := few.Draw(t, typ.String()); n >= 0 {
			v.Set(reflect.MakeMap(typ))
			for range n {
				key := rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "key")
				v.SetMapIndex(reflect.ValueOf(key).Convert(typ.Key()), randomOf(t, typ.Elem()))
			}
		}
	case reflect.Struct:
		for i := range typ.NumField() {
			if typ.Field(i).IsExported() {
				v.Field(i).Set(randomOf(t, typ.Field(i).Type))
			}
		}
	default:
		require.Fail(t, "no random value", "of a %s", typ)
	}
}

func randomText(t *rapid.T) string { return rapid.StringN(-1, 6, -1).Draw(t, "text") }

// randomTime returns the zero time, or one from 1900 to 2200 with microseconds.
func randomTime(t *rapid.T) time.Time {
	if rapid.IntRange(0, 4).Draw(t, "zero") == 0 {
		return time.Time{}
	}
	first := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	last := time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	return time.UnixMicro(rapid.Int64Range(first, last).Draw(t, "time")).UTC()
}

// randomBytes returns nil, a JSON object as this library writes them, one with spaces, or any
// bytes.
func randomBytes(t *rapid.T) []byte {
	switch rapid.IntRange(0, 3).Draw(t, "bytes") {
	case 0:
		return nil
	case 1:
		data, err := json.Marshal(map[string]string{"text": randomText(t)})
		require.NoError(t, err, "write an object")
		return data
	case 2:
		return fmt.Appendf(nil, `{"v": 1, "text": %q}`, randomText(t))
	}
	return rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "any")
}

// randomTotals returns the cash totals of a book that lacks rates.
func randomTotals(t *rapid.T) ledger.CashTotals {
	book := ledger.NewBook("USD")
	for i := range rapid.IntRange(0, 4).Draw(t, "movements") {
		book.Apply(&ledger.CashMovement{
			Kind:     rapid.SampledFrom([]ledger.CashKind{ledger.Deposit, ledger.Fee}).Draw(t, "kind"),
			Currency: rapid.SampledFrom([]ledger.Currency{"USD", "EUR", "CHF"}).Draw(t, "currency"),
			Amount:   dec("1.5"), FXRate: dec(rapid.SampledFrom([]string{"0", "1.1"}).Draw(t, "rate")),
		}, int64(i)+1)
	}
	prices := ledger.NewPrices("USD")
	prices.SetRate(ledger.FXRate{Currency: "CHF", Rate: dec("1.2"), Time: now})
	return book.CashTotals(prices)
}

// difference names the first field in which two values differ, and is empty if there is none. No
// list and an empty list are the same, and so are two errors with one text.
func difference(a, b reflect.Value) string {
	switch a.Type() {
	case timeType:
		return differs(!a.CanInterface() || a.Interface().(time.Time).Equal(b.Interface().(time.Time)), a, b)
	case decimalType:
		return differs(!a.CanInterface() || a.Interface().(ledger.Decimal).Equal(b.Interface().(ledger.Decimal)), a, b)
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if d := difference(a.Field(i), b.Field(i)); d != "" {
				return a.Type().Field(i).Name + " " + d
			}
		}
		return ""
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return differs(false, a, b)
		}
		for i := range a.Len() {
			if d := difference(a.Index(i), b.Index(i)); d != "" {
				return fmt.Sprintf("[%d] %s", i, d)
			}
		}
		return ""
	case reflect.Map:
		if a.Len() != b.Len() {
			return differs(false, a, b)
		}
		for _, key := range a.MapKeys() {
			if !b.MapIndex(key).IsValid() {
				return fmt.Sprintf("[%s] is gone", key)
			}
			if d := difference(a.MapIndex(key), b.MapIndex(key)); d != "" {
				return fmt.Sprintf("[%s] %s", key, d)
			}
		}
		return ""
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return differs(a.IsNil() == b.IsNil(), a, b)
		}
		return difference(a.Elem(), b.Elem())
	case reflect.Interface:
		return differs(fmt.Sprint(a.Interface()) == fmt.Sprint(b.Interface()), a, b)
	}
	return differs(a.Equal(b), a, b)
}

func differs(same bool, a, b reflect.Value) string {
	if same {
		return ""
	}
	return fmt.Sprintf("was %v and is %v", a, b)
}

var snake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// requireStyle checks that JSON is what a service promises for the type: names in snake_case,
// decimals and durations as text, times in UTC, hashes as hexadecimal digits, and every list there.
func requireStyle(t require.TestingT, at string, typ reflect.Type, v any) {
	text, isText := v.(string)
	switch typ {
	case bytesType:
		require.NotNil(t, v, "%s is null", at)
		return
	case timeType, decimalType, dateType, severityType, durationType, hashType, errorType:
		require.True(t, isText, "%s, a %s, is no text: %v", at, typ, v)
		requireText(t, at, typ, text)
		return
	}
	switch typ.Kind() {
	case reflect.Pointer:
		requireStyle(t, at, typ.Elem(), v)
	case reflect.Struct:
		requireObject(t, at, typ, v)
	case reflect.Map:
		require.IsType(t, map[string]any{}, v, "%s is no object", at)
		for key, x := range v.(map[string]any) {
			requireStyle(t, at+"."+key, typ.Elem(), x)
		}
	case reflect.Slice:
		require.IsType(t, []any{}, v, "%s is no list", at)
		for i, x := range v.([]any) {
			requireStyle(t, fmt.Sprintf("%s[%d]", at, i), typ.Elem(), x)
		}
	case reflect.String:
		require.True(t, isText, "%s is no text: %v", at, v)
	case reflect.Bool:
		require.IsType(t, true, v, "%s is neither true nor false", at)
	default:
		require.IsType(t, json.Number(""), v, "%s is no number", at)
	}
}

func requireText(t require.TestingT, at string, typ reflect.Type, text string) {
	var err error
	switch typ {
	case timeType:
		_, err = time.Parse("2006-01-02T15:04:05.999999Z", text)
	case decimalType:
		_, err = udecimal.Parse(text)
	case durationType:
		_, err = time.ParseDuration(text)
	case hashType:
		require.Regexp(t, "^[0-9a-f]{64}$", text, "%s is no hash", at)
	}
	require.NoError(t, err, "%s, a %s, is %q", at, typ, text)
}

// requireObject checks an object's names, those of embedded structs included, and its values.
func requireObject(t require.TestingT, at string, typ reflect.Type, v any) {
	require.IsType(t, map[string]any{}, v, "%s is no object", at)
	object := v.(map[string]any)
	known := map[string]bool{}
	if typ == totalsType {
		known = map[string]bool{"no_rate": true, "unrated": true}
	}
	for _, f := range reflect.VisibleFields(typ) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		require.Regexp(t, snake, name, "the name of %s.%s in JSON", at, f.Name)
		known[name] = true
		x, found := object[name]
		if found {
			requireStyle(t, at+"."+name, f.Type, x)
			continue
		}
		require.NotEmpty(t, options, "%s has no %s", at, name)
		if f.Type.Kind() == reflect.Slice && typ != reflect.TypeFor[performance.Report]() {
			require.Fail(t, "a list is left out", "%s has no %s", at, name)
		}
	}
	for name := range object {
		require.True(t, known[name], "%s has %s, which is no field", at, name)
	}
}
