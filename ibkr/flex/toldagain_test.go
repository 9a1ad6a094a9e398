package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A day that one statement tells by orders and another by executions counts once, whichever comes first.
func TestOrdersAndExecutionsOfOneDay(t *testing.T) {
	execution := func(id, at, quantity, price, attrs string) string {
		return fill(id, "20250110;"+at, quantity, price, "-1", `ibExecID="0000d514.`+id+`.01.01" levelOfDetail="EXECUTION" `+attrs)
	}
	order := func(at, quantity, price, attrs string) string {
		return fill("", "20250110;"+at, quantity, price, "-2", `levelOfDetail="ORDER" `+attrs)
	}
	const one, two = ` ibOrderID="71" `, ` ibOrderID="72" `
	executions := []string{execution("1", "100000", "60", "40", one), execution("2", "100005", "40", "41", one), execution("3", "110000", "-50", "42", two)}
	orders := []string{order("100005", "100", "40.4", one), order("110000", "-50", "42", two)}
	without := func(rows []string) (out []string) {
		for _, r := range rows {
			out = append(out, strings.ReplaceAll(strings.ReplaceAll(r, one, ""), two, ""))
		}
		return out
	}
	activity := "Statement,Header,Field Name,Field Value\nStatement,Data,Period,\"January 1, 2025 - January 31, 2025\"\n" +
		"Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Basis,Realized P/L,Code\n" +
		"Trades,Data,Order,Stocks,USD,AAA,\"2025-01-10, 10:00:05\",100,40.4,-4040,-2,4042,0,O\n" +
		"Trades,Data,Order,Stocks,USD,AAA,\"2025-01-10, 11:00:00\",-50,42,2100,-2,-2021,77,C\n" +
		"Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Security ID,Multiplier\n" +
		"Financial Instrument Information,Data,Stocks,AAA,AAA INC,101,US101,1\n"
	for name, c := range map[string]struct {
		first, second string
		added         int // by the second
		wrong         bool
	}{
		"orders after executions":                    {january(executions...), january(orders...), 0, false},
		"executions after orders":                    {january(orders...), january(executions...), 0, false},
		"orders without ids after executions":        {january(executions...), january(without(orders)...), 0, false},
		"executions without order ids after orders":  {january(orders...), january(without(executions)...), 0, false},
		"an activity statement after executions":     {january(executions...), activity, 0, false},
		"executions after an activity statement":     {activity, january(executions...), 0, false},
		"an activity statement after orders":         {january(orders...), activity, 0, false},
		"executions of another order":                {january(orders...), january(append(executions, execution("4", "120000", "10", "40", ` ibOrderID="73" `))...), 1, false},
		"executions of another day":                  {january(orders...), january(fill("4", "20250113;100000", "10", "40", "0", `levelOfDetail="EXECUTION"`)), 1, false},
		"an order of which executions are missing":   {january(executions[0]), january(orders...), 0, true},
		"executions of which an order is missing":    {january(without(orders)...), january(append(executions, execution("4", "120000", "10", "40", ` ibOrderID="73" `))...), 0, true},
		"executions that make less than the order":   {january(orders...), january(executions[1:]...), 0, true},
		"the same quantity for another money":        {january(execution("1", "100000", "100", "30", "")), january(orders[0]), 0, true},
		"executions of an order at the other price":  {january(orders[0]), january(execution("1", "100000", "100", "30", one)), 0, true},
		"a summary of the contract after executions": {january(executions[:2]...), january(strings.ReplaceAll(orders[0], "ORDER", "SYMBOL_SUMMARY")), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			importInto(t, p, c.first)
			seq := p.Seq()
			before := outcome(t, p, nil)
			_, added, err := Import(t.Context(), p, read(t, c.second))
			if c.wrong {
				require.ErrorIs(t, err, ErrLevels)
				require.ErrorContains(t, err, "2025-01-10")
				require.Equal(t, seq, p.Seq(), "nothing may be recorded")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.added, added)
			if added == 0 {
				require.Equal(t, before, outcome(t, p, nil), "the book stays as it is")
			}
			for _, again := range []string{c.first, c.second} {
				_, added, err = Import(t.Context(), p, read(t, again))
				require.NoError(t, err)
				require.Zero(t, added, "importing either again adds nothing")
			}
		})
	}
}
