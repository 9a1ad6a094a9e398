package flex

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// filled draws a value for every field of a struct, so that none is forgotten when it is packed.
func filled(t *rapid.T, name string, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *ledger.Decimal:
		*x = ledger.MustDecimal(rapid.StringMatching(`-?[1-9][0-9]{0,13}(\.[0-9]{0,18}[1-9])?`).Draw(t, name))
	case *Optional:
		if rapid.Bool().Draw(t, name) {
			filled(t, name, v.Field(0))
			x.Valid = true
		}
	case *time.Time:
		*x = time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name)).UTC()
	case *[]string:
		*x = rapid.SliceOfN(rapid.StringMatching(`[A-Z]{1,3}`), 1, 3).Draw(t, name)
	default:
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				filled(t, name+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.String:
			v.SetString(rapid.StringN(0, 9, -1).Draw(t, name))
		case reflect.Bool:
			v.SetBool(rapid.Bool().Draw(t, name))
		default:
			v.SetInt(rapid.Int64Range(0, 29991231).Draw(t, name))
		}
	}
}

// What a list of trades gives back is what was put in, wherever it stands.
func TestTradesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := make([]Trade, rapid.IntRange(0, 5).Draw(t, "drawn"))
		for i := range drawn {
			filled(t, "trade", reflect.ValueOf(&drawn[i]).Elem())
		}
		var in []Trade
		for n := rapid.IntRange(0, 2*chunkTrades+1).Draw(t, "trades"); len(in) < n && len(drawn) > 0; {
			again := drawn[len(in)%len(drawn)]
			again.Line = len(in)
			in = append(in, again)
		}
		list := NewTrades(in...)
		require.Equal(t, len(in), list.Len())
		for i, got := range list.All() {
			require.Equal(t, in[i], *got)
			require.Equal(t, in[i], list.At(i))
		}
		var odd []int
		var even []Trade
		for i := range in {
			if i%2 == 1 {
				odd = append(odd, i)
			} else {
				even = append(even, in[i])
			}
		}
		kept := list.without(odd)
		require.Equal(t, NewTrades(even...).size, kept.Len())
		for i, got := range kept.All() {
			require.Equal(t, even[i], *got)
		}
	})
}

// What refuses the last fact of a statement is found before the first part is recorded.
func TestPartsAreCheckedFirst(t *testing.T) {
	rows := []string{fill("99", "20990303;101500", "1", "10", "-1", "")}
	for i := range 20 {
		rows = append(rows, fill(fmt.Sprint(i+1), fmt.Sprintf("202501%02d;101500", i+1), "1", "10", "-1", ""))
	}
	p := fresh(t, "USD")
	before := p.Seq()
	_, added, err := Import(t.Context(), p, read(t, statement("20250101", "20991231", rows...)), inParts(4, 4))
	require.ErrorIs(t, err, accounts.ErrFutureTime)
	require.NotErrorIs(t, err, ErrIncomplete)
	require.Zero(t, added)
	require.Equal(t, before, p.Seq(), "nothing is recorded")
}

// Facts of one time are in one part.
func TestPartsKeepTimesWhole(t *testing.T) {
	var rows []string
	for i := range 9 {
		rows = append(rows, fill(fmt.Sprint(i+1), fmt.Sprintf("202501%02d;101500", i/3+1), "1", "10", "-1", ""))
	}
	p := fresh(t, "USD")
	var told []string
	_, added, err := Import(t.Context(), p, read(t, january(rows...)), inParts(4, 2), WithProgress(func(recorded, facts int) {
		told = append(told, fmt.Sprintf("%d of %d, %d in the book", recorded, facts, p.Snapshot().Trades))
	}))
	require.NoError(t, err)
	require.Equal(t, 9, added)
	require.Equal(t, "3 of 9, 3 in the book; 6 of 9, 6 in the book; 9 of 9, 9 in the book", strings.Join(told, "; "))
}
