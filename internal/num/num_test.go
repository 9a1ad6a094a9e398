package num_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
)

func d(t *testing.T, s string) udecimal.Decimal {
	t.Helper()
	v, err := udecimal.Parse(s)
	require.NoError(t, err, "the test has a wrong decimal in it")
	return v
}

func TestTrim(t *testing.T) {
	for in, places := range map[string]int{"1.500": 1, "1.0": 0, "100": 0, "0.000": 0, "-2.50": 1,
		"0.0000000000000000001": 19} {
		v := d(t, in)
		got := num.Trim(v)
		require.True(t, got.Equal(v), "%s became %s", in, got)
		require.Equal(t, places, got.Prec(), "places of %s", in)
	}
}

func TestMulExact(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{ // none where it would not be exact
		{"2", "3.5", "7"}, {"-0.1", "0.1", "-0.01"}, {"0", "5", "0"},
		{"0.0000000001", "0.000000001", "0.0000000000000000001"},
		{"0.0000000001", "0.0000000001", ""}, // 20 places
		{"999999999", "999999999", "999999998000000001"},
		{"1000000000", "1000000000", ""}, {"-1000000000", "1000000000", ""}, // 1e18
	} {
		got, err := num.MulExact(d(t, c.a), d(t, c.b))
		if c.want == "" {
			require.ErrorIs(t, err, num.ErrInexact, "%s × %s", c.a, c.b)
			continue
		}
		require.NoError(t, err, "%s × %s", c.a, c.b)
		require.Equal(t, c.want, got.String(), "%s × %s", c.a, c.b)
	}
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ amount, rate, want string }{
		{"10", "1", "10"}, {"10", "1.0", "10"}, {"10", "0", "0"}, {"-10", "1.25", "-12.5"},
		{"0.0000000001", "0.000000001", "0.0000000000000000001"},
		{"0.3333333333", "0.3333333333", "0.111111111089"},        // 20 places: rounded to 12
		{"1.0000000000000000000", "1.5000000000000000000", "1.5"}, // zeros are no places
		{"-0.3333333333", "0.3333333333", "-0.111111111089"},
		{"1000000000000000.5", "0.00000000000000000", "0"},
	} {
		require.Equal(t, c.want, num.Convert(d(t, c.amount), d(t, c.rate)).String(), "%s at %s",
			c.amount, c.rate)
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct{ total, part, whole, want string }{
		{"10", "1", "4", "2.5"}, {"10", "3", "3", "10"}, {"10", "0", "3", "0"},
		{"1", "1", "3", "0.333333333333"},
		{"2", "1", "3", "0.666666666667"}, {"-1", "1", "3", "-0.333333333333"},
		{"1", "-1", "-3", "0.333333333333"},
		{"5", "1", "0", "5"},                                      // a share of nothing is all of it
		{"0.0000000001", "0.3333333333", "0.5", "0.000000000067"}, // by way of 20 places
	} {
		require.Equal(t, c.want, num.Share(d(t, c.total), d(t, c.part), d(t, c.whole)).String(),
			"%s of %s of %s", c.part, c.whole, c.total)
	}
}

// TestFormsMakeNoDifference: 1.50 is 1.5 to whatever is worked out of it. A book in memory has
// other zeros behind its numbers than one that was read from a checkpoint.
func TestFormsMakeNoDifference(t *testing.T) {
	number := func(t *rapid.T, label string) (plain, padded udecimal.Decimal) {
		places := rapid.IntRange(0, 12).Draw(t, label+" places")
		v, err := udecimal.NewFromInt64(rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, label),
			uint8(places))
		require.NoError(t, err)
		plain = num.Trim(v)
		text := plain.String()
		if plain.Prec() == 0 {
			text += "."
		}
		padded = udecimal.Decimal{}
		zeros := rapid.IntRange(1, 19-plain.Prec()).Draw(t, label+" zeros")
		require.NoError(t, padded.UnmarshalText([]byte(text+strings.Repeat("0", zeros))))
		return plain, padded
	}
	rapid.Check(t, func(t *rapid.T) {
		a, a0 := number(t, "a")
		b, b0 := number(t, "b")
		c, c0 := number(t, "c")
		require.Equal(t, num.Convert(a, b).String(), num.Convert(a0, b0).String(), "%s at %s", a, b)
		require.Equal(t, num.Share(a, b, c).String(), num.Share(a0, b0, c0).String(), "%s of %s of %s",
			b, c, a)
	})
}

// A share is the nearest to the fraction at 12 places, or exact where the share comes out even.
func TestPropertyShareIsNearest(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) udecimal.Decimal {
		n := rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Range(1, 1_000_000_000)).Draw(t, "digits")
		v, err := udecimal.NewFromInt64(n, uint8(rapid.IntRange(0, 9).Draw(t, "places")))
		require.NoError(t, err)
		return v
	})
	rat := func(d udecimal.Decimal) *big.Rat {
		r, ok := new(big.Rat).SetString(d.String())
		require.True(t, ok)
		return r
	}
	rapid.Check(t, func(t *rapid.T) {
		total, part, whole := number.Draw(t, "total"), number.Draw(t, "part"), number.Draw(t, "whole")
		if rapid.Bool().Draw(t, "negative total") {
			total = total.Neg()
		}
		if rapid.Bool().Draw(t, "short") {
			part, whole = part.Neg(), whole.Neg()
		}
		want := rat(total)
		want.Mul(want, rat(part)).Quo(want, rat(whole))
		off := want.Sub(want, rat(num.Share(total, part, whole)))
		require.LessOrEqual(t, off.Abs(off).Cmp(big.NewRat(1, 2e12)), 0, "share of %s of %s of %s is %s off",
			part, whole, total, off.RatString())
	})
}

func TestMinMaxWithSign(t *testing.T) {
	one, two := d(t, "1"), d(t, "2")
	require.Equal(t, "1 1 2 2", fmt.Sprint(num.Min(one, two), " ", num.Min(two, one), " ",
		num.Max(one, two), " ", num.Max(two, one)))
	for _, c := range []struct{ d, sign, want string }{
		{"2", "-1", "-2"}, {"2", "1", "2"}, {"2", "0", "2"}, {"0", "-1", "0"},
	} {
		require.Equal(t, c.want, num.WithSign(d(t, c.d), d(t, c.sign)).String(),
			"%s with the sign of %s", c.d, c.sign)
	}
	require.Equal(t, "0.06", num.Percent(d(t, "6")).String())
	require.Equal(t, "-7", num.Int(-7).String())
}

func TestOrdinary(t *testing.T) {
	for in, want := range map[string]bool{"0": true, "999999.999": true, "-999999": true,
		"1000000": false, "-1000000": false} {
		require.Equal(t, want, num.Ordinary(d(t, in)), in)
	}
}

func TestChecks(t *testing.T) {
	checks := map[string]func(v *invalid.Error, field string, d udecimal.Decimal){
		"positive": num.CheckPositive,
		"amount":   num.CheckAmount,
		"rate":     num.CheckRate,
		"magnitude": func(v *invalid.Error, field string, d udecimal.Decimal) {
			num.CheckMagnitude(v, field, d, num.Int(100))
		},
	}
	for in, fine := range map[string]string{
		"0": "amount magnitude rate", "1": "amount magnitude positive rate", "-1": "amount",
		"99.999999999999": "amount magnitude positive rate",
		"100":             "amount positive rate", "0.0000000000001": "amount positive rate", // of 13 places
		"999999999999999.9": "amount positive rate", "1000000000000000": "", "-1000000000000000": "",
	} {
		var passed []string
		for name, check := range checks {
			v := &invalid.Error{What: "number"}
			if check(v, "Field", d(t, in)); v.Err() == nil {
				passed = append(passed, name)
			} else {
				require.Equal(t, "Field", v.Fields[0].Name, "the error names another field")
			}
		}
		slices.Sort(passed)
		require.Equal(t, fine, strings.Join(passed, " "), "what %s passes for", in)
	}
}
