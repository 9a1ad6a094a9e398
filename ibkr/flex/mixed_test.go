package flex

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
)

// mixedFill is one execution of a random history.
type mixedFill struct{ contract, day, order, quantity, price, second int }

// drawFills makes orders of two contracts on four days, each of some executions.
func drawFills(t *rapid.T) (fills []mixedFill) {
	order := 100
	for day := range 4 {
		for contract := range 2 {
			for range rapid.IntRange(0, 2).Draw(t, "orders") {
				order++
				sign := rapid.SampledFrom([]int{1, 1, -1}).Draw(t, "sign")
				for n := range rapid.IntRange(1, 3).Draw(t, "fills") {
					fills = append(fills, mixedFill{contract, day, order, sign * rapid.IntRange(1, 3).Draw(t, "lots"), rapid.IntRange(40, 41).Draw(t, "price"), n})
				}
			}
		}
	}
	return fills
}

func (f *mixedFill) at() string {
	return fmt.Sprintf("202501%d;10%02d%02d", 13+f.day, f.order-100, f.second)
}

func (f *mixedFill) attrs(ids bool) string {
	attrs := fmt.Sprintf(`symbol="S%d" conid="%d" `, f.contract, 101+f.contract)
	if ids {
		attrs += fmt.Sprintf(`ibOrderID="%d" `, f.order)
	}
	return attrs
}

// mixedForm is how a statement tells a history: executions with or without ids, orders with or without ids.
type mixedForm struct{ orders, ids bool }

// rows tells the days of a history.
func (m mixedForm) rows(fills []mixedFill, from, to int) (rows []string) {
	for i := 0; i < len(fills); i++ {
		f := fills[i]
		if f.day < from || f.day > to {
			continue
		}
		if !m.orders {
			id := fmt.Sprintf("%d%d", f.order, f.second)
			row := execution(id, f.at(), fmt.Sprint(f.quantity), fmt.Sprint(f.price), f.attrs(m.ids))
			if !m.ids {
				row = fill("", f.at(), fmt.Sprint(f.quantity), fmt.Sprint(f.price), "-1", `levelOfDetail="EXECUTION" `+f.attrs(false))
			}
			rows = append(rows, row)
			continue
		}
		quantity, money, n := f.quantity, f.quantity*f.price, 1
		for ; i+1 < len(fills) && fills[i+1].order == f.order; i++ {
			f = fills[i+1]
			quantity, money, n = quantity+f.quantity, money+f.quantity*f.price, n+1
		}
		rows = append(rows, fill("", f.at(), fmt.Sprint(quantity), fmt.Sprintf("%.6f", float64(money)/float64(quantity)), fmt.Sprint(-n),
			`levelOfDetail="ORDER" `+fmt.Sprintf(`proceeds="%d" `, -money)+f.attrs(m.ids)))
	}
	return rows
}

// Overlapping statements of one form, in any order, make the book that the history is. Of statements of several forms
// some are refused, and what is imported is right to the cent: nothing is lost or counted twice.
func TestOverlappingStatementsOfSeveralForms(t *testing.T) {
	for name, several := range map[string]bool{"one form": false, "several forms": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				fills, p, imported := drawFills(t), fresh(t, "USD"), map[int]bool{}
				forms := []mixedForm{{false, true}, {true, true}, {true, false}, {false, false}}
				form := rapid.SampledFrom(forms).Draw(t, "form")
				for range rapid.IntRange(2, 6).Draw(t, "statements") {
					if several {
						form = rapid.SampledFrom(forms).Draw(t, "form")
					}
					from := rapid.IntRange(0, 3).Draw(t, "from")
					to := rapid.IntRange(from, 3).Draw(t, "to")
					file := statement(fmt.Sprintf("202501%d", 13+from), fmt.Sprintf("202501%d", 13+to), form.rows(fills, from, to)...)
					all, err := ReadAll(strings.NewReader(file))
					require.NoError(t, err)
					_, _, err = Import(t.Context(), p, all[0])
					if several && err != nil {
						require.ErrorIs(t, err, ErrLevels)
						continue
					}
					require.NoError(t, err, "statements of one form are imported in any order")
					for d := from; d <= to; d++ {
						imported[d] = true
					}
				}
				requireFills(t, p, fills, imported)
			})
		})
	}
}

// requireFills checks that the book has the fills of the imported days.
func requireFills(t *rapid.T, p *accounts.Portfolio, fills []mixedFill, imported map[int]bool) {
	cash, held := 0, map[int64]int{}
	for _, f := range fills {
		if imported[f.day] {
			cash -= f.quantity*f.price + 1
			held[int64(101+f.contract)] += f.quantity
		}
	}
	for _, pos := range p.Positions() {
		require.Equal(t, fmt.Sprint(held[pos.Instrument.ConID]), pos.Quantity.String(), "%s", pos.Instrument)
		delete(held, pos.Instrument.ConID)
	}
	for _, quantity := range held {
		require.Zero(t, quantity, "what is flat is no position")
	}
	require.Equal(t, fmt.Sprint(cash), p.Cash()["USD"].Balance().String(), "the cash is right to the cent")
	require.NoError(t, p.Verify(t.Context()))
}
