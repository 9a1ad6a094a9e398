package goldentest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

// Open opens the journal's portfolio on the store, at the moment and the market of its profile.
func (j *Journal) Open(t testing.TB, store accounts.Store) *accounts.Portfolio {
	t.Helper()
	m, err := accounts.New(store, accounts.WithClock(j.Profile.clock))
	require.NoError(t, err, "make a manager")
	t.Cleanup(func() { require.NoError(t, m.Close(), "close the manager") })
	p, err := m.Portfolio(t.Context(), accounts.ProfileID(j.Profile.ID))
	require.NoError(t, err, "the journal of %s does not open", j.Name)
	return p
}

// State marks the portfolio and returns what it tells, as NAME.state.json has it: an object with a
// field a line, and an element a line in lists.
func State(t testing.TB, p *accounts.Portfolio, at *Profile, end accounts.Checkpoint) string {
	t.Helper()
	at.mark(t, p)
	s := p.Snapshot()
	var open []any
	for _, v := range s.Open {
		open = append(open, object{"position": position(v.Position), "value": v.Value, "unrealized": v.Unrealized,
			"mark": v.Mark.Price, "marked": v.Marked()})
	}
	var closed []position
	for _, h := range s.Closed {
		closed = append(closed, position(h))
	}
	var missing object
	if m := s.Missing; m != nil {
		missing = object{"marks": m.Marks, "rates": m.Rates}
	}
	var working []any
	for _, w := range s.Risk.Orders {
		working = append(working, object{"order": w, "remaining": w.Remaining()})
	}
	var checks []any
	for _, o := range at.Orders {
		checks = append(checks, told(p.Check(o)))
	}
	r := s.Risk
	var b strings.Builder
	b.WriteString("{\n")
	for _, f := range []struct {
		name  string
		value any
	}{
		{"profile", s.ProfileID}, {"base", s.BaseCurrency}, {"seq", s.Seq}, {"hash", s.Hash.String()},
		{"trades", s.Trades}, {"high_water", s.HighWater}, {"open", open}, {"closed", closed},
		{"cash", s.Cash}, {"pending", s.Pending}, {"missing", missing}, {"unrated", append([]ledger.Currency{}, s.Unrated...)},
		{"totals", object{"cash": s.CashBase, "equity": s.Equity, "unrealized": s.Unrealized,
			"realized": s.Realized, "capital": s.Capital}},
		{"trading", object{"status": r.Status, "state": r.State, "cause": r.Cause, "reason": r.Reason,
			"since": r.Since}},
		{"limits", limits(r.Limits)}, {"orders", working}, {"breaches", r.Breaches},
		{"risk", object{"severity": r.Severity, "drawdown": r.Drawdown, "day_loss": r.DayLoss,
			"gross": r.Gross, "net": r.Net, "margin": r.Margin}},
		{"usage", r.Usage}, {"checks", checks},
		{"closings", closings(t, p)}, {"trades_in_force", trades(t, p)}, {"facts", facts(t, p)},
		{"accesses", accesses(t, p)},
		{"checkpoint", book(t, end)},
	} {
		if b.Len() > 2 {
			b.WriteString(",\n")
		}
		depth := 1
		if f.name == "checkpoint" {
			depth = 2
		}
		b.WriteString(strconv.Quote(f.name) + ": " + text(t, f.value, depth))
	}
	return b.String() + "\n}\n"
}

type object map[string]any

// The golden files have these in the form in which a journal holds them, and without empty lists.
type (
	position ledger.Position
	limits   risk.Limits
	decision struct {
		OrderID    ledger.OrderID   `json:"order_id"`
		Allowed    bool             `json:"allowed"`
		Reduces    bool             `json:"reduces,omitempty"`
		Violations []risk.Violation `json:"violations,omitempty"`
	}
)

// told is a decision as states have it: without warnings, which Check did not collect when they
// were taken.
func told(d risk.Decision) decision {
	return decision{d.OrderID, d.Allowed, d.Reduces, d.Violations}
}

func (p *Profile) mark(t testing.TB, to *accounts.Portfolio) {
	t.Helper()
	for _, m := range p.Marks {
		err := to.Mark(ledger.Mark{Instrument: m.Instrument, Price: m.Price, Time: p.Now})
		require.NoError(t, err, "mark %s", m.Instrument.Key())
	}
	for _, r := range p.Rates {
		err := to.MarkFX(ledger.FXRate{Currency: r.Currency, Rate: r.Rate, Time: p.Now})
		require.NoError(t, err, "rate of %s", r.Currency)
	}
}

func closings(t testing.TB, p *accounts.Portfolio) (out []any) {
	t.Helper()
	list, err := p.Closings(t.Context(), accounts.TradeFilter{})
	require.NoError(t, err, "closings")
	for _, r := range list {
		c := r.Value
		out = append(out, object{"exec_id": c.Trade.ExecID, "quantity": c.Quantity, "basis": c.Basis,
			"realized": c.Realized, "inferred": c.Inferred})
	}
	return out
}

func trades(t testing.TB, p *accounts.Portfolio) (out []any) {
	t.Helper()
	for tr, err := range p.Trades(t.Context(), accounts.TradeFilter{}) {
		require.NoError(t, err, "trades in force")
		out = append(out, tr.Value)
	}
	return out
}

// facts names the facts. What is in them the journal has.
func facts(t testing.TB, p *accounts.Portfolio) (out []any) {
	t.Helper()
	for f, err := range p.Facts(t.Context(), accounts.Page{}) {
		require.NoError(t, err, "facts")
		switch f := f.Value.(type) {
		case ledger.Trade:
			out = append(out, "trade "+f.ExecID)
		case ledger.CashMovement:
			out = append(out, "cash "+f.ID)
		case ledger.Split:
			out = append(out, "split "+f.ID)
		case ledger.Opening:
			out = append(out, "opening "+f.ID)
		case ledger.Transfer:
			out = append(out, "transfer "+f.ID)
		case ledger.Cancellation:
			out = append(out, "cancellation "+f.ExecID)
		case ledger.EquityPoint:
			out = append(out, "equity of "+f.Equity.String())
		default:
			require.Failf(t, "a fact of another kind", "%T", f)
		}
	}
	return out
}

func accesses(t testing.TB, p *accounts.Portfolio) (out []any) {
	t.Helper()
	for a, err := range p.CredentialAccesses(t.Context(), accounts.Page{}) {
		require.NoError(t, err, "accesses to credentials")
		out = append(out, a.Value)
	}
	return out
}

// Figures returns what the portfolio tells of its performance, as NAME.figures.json has it.
func Figures(t testing.TB, p *accounts.Portfolio) string {
	t.Helper()
	out, err := p.Performance(t.Context(), performance.Window{})
	require.NoError(t, err, "performance")
	return text(t, out, 1) + "\n"
}

// book is what a checkpoint says, behind the SHA-256 that it begins with.
func book(t testing.TB, c accounts.Checkpoint) (out map[string]any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(c.State[len(accounts.Hash{}):]))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&out), "the checkpoint's state")
	return out
}

// text writes a value as JSON with sorted fields. Lists and objects of the given depth have an
// element a line. Ratios are cut to 12 digits: the last ones differ between processors.
func text(t testing.TB, v any, depth int) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err, "write a %T", v)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var plain any
	require.NoError(t, dec.Decode(&plain), "read a %T", v)
	return write(t, plain, depth)
}

func write(t testing.TB, v any, depth int) string {
	t.Helper()
	var items []string
	ends := "{}"
	switch v := v.(type) {
	case []any:
		ends = "[]"
		for _, x := range v {
			items = append(items, write(t, x, depth-1))
		}
	case map[string]any:
		for _, name := range sorted(v) {
			items = append(items, plain(t, name)+": "+write(t, v[name], depth-1))
		}
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			return v.String()
		}
		f, err := v.Float64()
		require.NoError(t, err, "the number %s", v)
		return fmt.Sprintf("%.12g", f)
	default:
		return plain(t, v)
	}
	switch {
	case len(items) == 0:
		return ends
	case depth > 0:
		lines := strings.ReplaceAll(strings.Join(items, ",\n"), "\n", "\n\t")
		return ends[:1] + "\n\t" + lines + "\n" + ends[1:]
	}
	return ends[:1] + strings.Join(items, ", ") + ends[1:]
}

func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// plain writes a text, a boolean or null. It leaves <, > and & as they are.
func plain(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(v), "write a %T", v)
	return strings.TrimSuffix(b.String(), "\n")
}
