package flex

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// simForm draws a query, or for an activity statement what that shows, and how a history is written.
func simForm(t *rapid.T) (q simQuery, write func(h *simHistory, from, to int) string) {
	if rapid.IntRange(0, 2).Draw(t, "activity statement") == 0 {
		return activityQuery, (*simHistory).renderActivity
	}
	q = drawQuery(t)
	return q, func(h *simHistory, from, to int) string { return h.render(t, q, from, to) }
}

// importTwice imports statements, each of them twice, and reports whether all is in the book. Behind one that
// leaves something out no older one is imported, and a newer one may be refused: what was left out was taken for held
// before, and that tells it.
func importTwice(t *rapid.T, p *accounts.Portfolio, texts ...string) bool {
	all, to := true, ledger.Date(0)
	for _, text := range texts {
		st, err := ReadAll(strings.NewReader(text))
		require.NoError(t, err)
		if !all && st[0].To < to {
			return false
		}
		to = st[0].To
		if _, err := Preview(t.Context(), p, st[0]); !all && errors.Is(err, accounts.ErrOutOfOrder) {
			return false
		}
		plan, _ := simImport(t, p, text)
		all = all && len(Unread(plan.Issues)) == 0
		settle(t, p, text, plan)
		importAgain(t, p, text, texts...)
	}
	return all
}

// settle imports a statement that left out corporate actions until it adds nothing: what was booked since may
// tell them, one after the other.
func settle(t *rapid.T, p *accounts.Portfolio, text string, plan *Plan) {
	left := Unread(plan.Issues)["corporate action"]
	for range left {
		if _, added := simImport(t, p, text); added == 0 {
			return
		}
	}
}

// importAgain imports a statement that is in the book already, and requires that nothing is recorded.
func importAgain(t *rapid.T, p *accounts.Portfolio, text string, among ...string) {
	seq := p.Seq()
	plan, added := simImport(t, p, text)
	for _, it := range plan.items {
		require.Fail(t, "what is in the book must not be recorded again", "%T %+v\n%v\n%s\namong\n%s", it.fact(), it.fact(), plan.Issues, text, strings.Join(among, "\n\n"))
	}
	require.Zero(t, added)
	require.Empty(t, plan.Inferred, "what is in the book must not be inferred again\n%s", text)
	require.Equal(t, seq, p.Seq())
}

// figures lists what a book holds and has closed, by the ids of contracts and executions: their names may
// be those of the statement that told them first.
func figures(t *rapid.T, p *accounts.Portfolio) (lines []string) {
	for _, pos := range p.Positions() {
		for _, l := range pos.Lots {
			lines = append(lines, fmt.Sprintf("%d: %s at %s since %s", pos.Instrument.ConID, l.Quantity, l.Basis, l.OpenedAt))
		}
	}
	closings, err := p.Closings(t.Context(), accounts.TradeFilter{})
	require.NoError(t, err)
	for _, c := range closings {
		lines = append(lines, fmt.Sprintf("%s closes %s for %s", c.Value.Trade.ExecID, c.Value.Quantity, c.Value.Realized))
	}
	for currency, balance := range p.Cash() {
		lines = append(lines, fmt.Sprintf("%s %s", balance.Balance(), currency))
	}
	slices.Sort(lines)
	return lines
}

// A statement that is imported twice is recorded once, in every form and whatever the statement lacks.
// Statements whose periods overlap are recorded once too, unless one tells what another lacks. Where nothing was
// held before and no basis had to be worked out, the book is that of an import of the whole period.
func TestSimulatedAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, write := simForm(t)
		h := drawHistory(t, q)
		last := len(h.days) - 1
		from := h.drawStart(t, last-2)
		cut := rapid.IntRange(from+1, last-1).Draw(t, "cut")
		next := rapid.IntRange(from, cut).Draw(t, "second from")
		first, second, whole := write(h, from, cut), write(h, next, last), write(h, from, last)
		once := fresh(t, "USD")
		complete := importTwice(t, once, whole)
		for _, texts := range [][]string{{whole, first, second}, {first, second, whole}, {first, whole, second}} {
			p := fresh(t, "USD")
			if !importTwice(t, p, texts...) || !complete {
				continue
			}
			for _, text := range texts {
				importAgain(t, p, text, texts...)
			}
			if from == 0 && len(h.told) == 0 {
				require.Equal(t, figures(t, once), figures(t, p), "%s", strings.Join(texts, "\n\n"))
			}
		}
	})
}
