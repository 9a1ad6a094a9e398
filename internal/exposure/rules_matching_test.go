package exposure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestTheCheapestCoverIsFound: where the short option that chooses first would take what another one
// needs more, covers are exchanged.
func TestTheCheapestCoverIsFound(t *testing.T) {
	type holding struct {
		instrument ledger.Instrument
		quantity   string
	}
	mini := option("XYZ", december, ledger.Call, "100")
	mini.Multiplier = dec("10")
	for name, c := range map[string]struct {
		held []holding
		sold ledger.Instrument
		sale string
		want [][2]string // what is lacking, and what there is
	}{
		"two puts exchange their covers": {
			held: []holding{
				{option("XYZ", february, ledger.Put, "100"), "-1"},
				{option("XYZ", february, ledger.Put, "140"), "1"},
				{option("XYZ", february, ledger.Put, "90"), "1"},
			},
			sold: option("XYZ", december, ledger.Put, "150"), sale: "-1",
			want: [][2]string{{"2000", "1"}},
		},
		"three puts exchange their covers, parts of them": {
			held: []holding{
				{option("XYZ", february, ledger.Put, "100"), "-3"},
				{option("XYZ", february, ledger.Put, "140"), "2"},
				{option("XYZ", february, ledger.Put, "90"), "3"},
				{option("XYZ", january, ledger.Put, "120"), "-1"},
				{option("XYZ", january, ledger.Put, "110"), "1"},
			},
			sold: option("XYZ", december, ledger.Put, "150"), sale: "-2",
			want: [][2]string{{"6000", "1"}}, // 3 × 10 of 100 over 90, 10 of 120 over 110, 2 × 10 of 150 over 140
		},
		"the call that stays bare is the one whose cover is dear": {
			held: []holding{
				{option("XYZ", december, ledger.Call, "100"), "1"},
				{option("XYZ", december, ledger.Call, "100"), "-1"},
			},
			sold: option("XYZ", december, ledger.Call, "90"), sale: "-1",
			want: [][2]string{{"100", "0"}},
		},
		"shares go to the option that nothing else covers": {
			held: []holding{
				{xyz, "100"},
				{option("XYZ", january, ledger.Call, "105"), "1"},
				{option("XYZ", january, ledger.Call, "100"), "-1"},
			},
			sold: mini, sale: "-10",
			want: [][2]string{{"500", "1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(l *risk.Limits) { l.UncoveredOptions = false })
			for _, h := range c.held {
				d.Hold(t, h.instrument, h.quantity, "1")
				d.Mark(t, h.instrument, "1")
			}
			d.Mark(t, c.sold, "1")
			d.Cash(t, ledger.OtherCash, "USD", dec("1").Sub(d.Portfolio.Cash()["USD"].Balance()).String())
			d.Set(now.AddDate(0, 0, 4)) // so that it has settled
			var got []risk.Violation
			for _, v := range d.Portfolio.Check(order("", c.sold, c.sale)).Violations {
				if v.Rule == risk.RuleUncovered {
					got = append(got, v)
				}
			}
			var want []string
			for _, w := range c.want {
				want = append(want, broken(risk.RuleUncovered, "XYZ", w[0], w[1]))
			}
			require.Equal(t, want, allSaid(got), "what short options lack")
		})
	}
}
