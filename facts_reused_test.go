package accounts_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// The outcomes of a fact that is recorded again with one field changed.
const (
	reused    = "another fact"      // ErrIDReused
	hint      = "the same fact"     // the field does not matter
	completed = "completed"         // the field was not known before
	otherID   = "a fact of its own" // the field is the id, or part of it
)

// again is one fact that is recorded again with one field changed.
type again struct {
	field string
	to    any
	want  string
}

// reusedCase is a fact with every field set, as far as the kind allows, and what comes of each field.
type reusedCase struct {
	before []ledger.Fact // what the fact needs
	fact   ledger.Fact
	again  []again
}

func reusedCases() map[string]reusedCase {
	day := at(1)
	sap := ledger.NewStock("SAP", "EUR")
	named := sap
	named.ConID, named.LocalSymbol, named.Underlying = 5, "SAPd", "DAX"
	full := ledger.Trade{ExecID: "x", OrderID: "o", Kind: ledger.Execution, Instrument: sap, Quantity: dec("5"), Price: dec("10"),
		Proceeds: dec("-49"), Commission: dec("1"), Taxes: dec("0.5"), FXRate: dec("1.1"), Time: day}
	open := ledger.Trade{ExecID: "x", Kind: ledger.Execution, Instrument: sap, Quantity: dec("5"), Price: dec("10"), CommissionPending: true, Time: day}
	pair := ledger.Trade{ExecID: "x", Instrument: ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"},
		Quantity: dec("5"), Price: dec("1.1"), Commission: dec("2"), CommissionCurrency: "EUR", Time: day}
	lots := func(change func(l *ledger.Lot)) []ledger.Lot {
		l := ledger.Lot{ExecID: "l", Quantity: dec("5"), Basis: dec("50"), OpenedAt: at(0)}
		change(&l)
		return []ledger.Lot{l}
	}
	plain := lots(func(*ledger.Lot) {})
	return map[string]reusedCase{
		"trade": {nil, full, []again{
			{"ExecID", ledger.ExecID("y"), otherID}, {"OrderID", ledger.OrderID("p"), reused}, {"OrderID", ledger.OrderID(""), hint},
			{"Kind", ledger.Corporate, reused}, {"Instrument", ledger.NewStock("SAP", "USD"), reused}, {"Instrument", named, hint},
			{"Quantity", dec("6"), reused}, {"Price", dec("11"), reused}, {"Proceeds", dec("-48"), reused}, {"Proceeds", dec("0"), reused},
			{"Commission", dec("1.25"), reused}, {"Commission", dec("0"), reused}, {"Taxes", dec("0.6"), reused},
			{"FXRate", dec("1.2"), reused}, {"FXRate", dec("0"), hint}, {"Time", day.Add(time.Second), reused},
		}},
		"trade with its commission pending": {nil, open, []again{
			{"OrderID", ledger.OrderID("o"), completed}, {"FXRate", dec("1.1"), completed}, {"CommissionPending", false, completed},
			{"Price", dec("11"), reused}, {"Proceeds", dec("-50"), hint}, {"Time", day.AddDate(0, 0, -1), reused},
		}},
		"currency trade": {nil, pair, []again{{"CommissionCurrency", ledger.Currency("USD"), reused}}},
		"cash movement": {nil, ledger.CashMovement{ID: "c", Kind: ledger.Dividend, Currency: "EUR", Amount: dec("10"), FXRate: dec("1.1"), Symbol: "SAP",
			Note: "a dividend", Time: day}, []again{
			{"ID", "d", otherID}, {"Kind", ledger.Deposit, reused}, {"Currency", ledger.Currency("USD"), reused}, {"Amount", dec("11"), reused},
			{"FXRate", dec("1.2"), reused}, {"FXRate", dec("0"), hint}, {"Symbol", "SAPd", hint}, {"Note", "Dividend", hint}, {"MarketRate", dec("1.3"), hint},
			{"Time", day.Add(time.Hour), reused},
		}},
		"cash movement without a rate": {nil, ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "EUR", Amount: dec("10"), Time: day},
			[]again{{"FXRate", dec("1.2"), completed}, {"Amount", dec("11"), reused}}},
		"opening without a rate": {nil, ledger.Opening{ID: "o", Instrument: sap, Lots: plain, Time: day}, []again{{"FXRate", dec("1.2"), completed}}},
		"transfer that comes": {nil, ledger.Transfer{ID: "x", Instrument: sap, Quantity: dec("5"), Lots: plain, FXRate: dec("1.1"), Time: day}, []again{
			{"ID", "y", otherID}, {"Instrument", ledger.NewStock("SAP", "USD"), reused}, {"Instrument", named, hint},
			{"FXRate", dec("1.2"), reused}, {"FXRate", dec("0"), hint}, {"Time", day.Add(time.Hour), reused},
			{"MarketRate", dec("1.3"), hint}, {"Price", dec("12"), hint},
			{"Lots", lots(func(l *ledger.Lot) { l.Basis = dec("60") }), reused},
		}},
		"transfer that goes": {[]ledger.Fact{trade(0, sap, "10", "5")}, ledger.Transfer{ID: "x", Instrument: sap, Quantity: dec("-5"), Time: at(1)}, []again{
			{"Quantity", dec("-4"), reused}, {"Basis", dec("7"), hint}, {"FXRate", dec("1.2"), completed}, {"Time", at(2), reused},
		}},
		"split": {[]ledger.Fact{trade(0, xyz, "10", "5")}, ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("2"), Denominator: dec("1"), Time: day}, []again{
			{"ID", "t", otherID}, {"From", abc, reused}, {"To", abc, reused}, {"Numerator", dec("3"), reused}, {"Denominator", dec("3"), reused},
			{"Time", day.Add(time.Hour), reused},
		}},
		"spin-off": {[]ledger.Fact{trade(0, sap, "10", "5")}, ledger.Split{ID: "s", From: sap, To: abc, Numerator: dec("2"), Denominator: dec("1"),
			Part: dec("1"), Whole: dec("4"), Rate: dec("1.1"), Time: day}, []again{
			{"Part", dec("2"), reused}, {"Whole", dec("5"), reused}, {"Rate", dec("1.2"), reused},
		}},
		"opening": {nil, ledger.Opening{ID: "o", Instrument: sap, Lots: plain, FXRate: dec("1.1"), Time: day}, []again{
			{"ID", "p", otherID}, {"Instrument", ledger.NewStock("SAP", "USD"), reused}, {"Instrument", named, hint},
			{"FXRate", dec("1.2"), reused}, {"FXRate", dec("0"), hint}, {"Time", day.Add(time.Hour), reused},
			{"MarketRate", dec("1.3"), hint}, {"Price", dec("12"), hint},
			{"Lots", append(plain, plain[0]), reused},
			{"Lots", lots(func(l *ledger.Lot) { l.ExecID = "m" }), reused}, {"Lots", lots(func(l *ledger.Lot) { l.Quantity = dec("6") }), reused},
			{"Lots", lots(func(l *ledger.Lot) { l.Basis = dec("60") }), reused}, {"Lots", lots(func(l *ledger.Lot) { l.OpenedAt = at(-1) }), reused},
			{"Lots", lots(func(l *ledger.Lot) { l.Inferred = true }), reused},
		}},
		"cancellation": {[]ledger.Fact{trade(1, xyz, "1", "5"), trade(2, xyz, "1", "5")}, ledger.Cancellation{ExecID: "k", Cancels: "exec-1", Time: at(3)}, []again{
			{"ExecID", ledger.ExecID("l"), hint}, {"Cancels", ledger.ExecID("exec-2"), reused}, {"Time", at(4), reused},
		}},
		"equity point": {nil, ledger.EquityPoint{Time: day, Equity: dec("1"), Cash: dec("2"), Realized: dec("3"), Unrealized: dec("4"), Capital: dec("5"),
			Notional: &ledger.Notional{Long: dec("6"), Short: dec("7")}}, []again{
			{"Notional", &ledger.Notional{Long: dec("6"), Short: dec("9")}, reused}, {"Notional", &ledger.Notional{Long: dec("9"), Short: dec("7")}, reused},
			{"Notional", (*ledger.Notional)(nil), hint}, {"Derived", true, hint}, {"Before", true, otherID}, {"InKind", dec("9"), hint},
			{"Rates", map[ledger.Currency]ledger.Decimal{"EUR": dec("9")}, hint}, {"Unrated", []ledger.Currency{"EUR"}, hint},
			{"Time", day.Add(time.Hour), otherID}, {"Equity", dec("9"), reused}, {"Cash", dec("9"), reused}, {"Realized", dec("9"), reused},
			{"Unrealized", dec("9"), reused}, {"Capital", dec("9"), reused},
		}},
		"equity point without what was held": {nil, ledger.EquityPoint{Time: day, Equity: dec("1")},
			[]again{{"Notional", &ledger.Notional{Long: dec("1")}, hint}}},
	}
}

// changed returns the fact with one field set to another value.
func changed(f ledger.Fact, c again) ledger.Fact {
	v := reflect.New(reflect.TypeOf(f)).Elem()
	v.Set(reflect.ValueOf(f))
	v.FieldByName(c.field).Set(reflect.ValueOf(c.to))
	return v.Interface().(ledger.Fact)
}

// An id that is recorded again with another content is refused for every field that matters.
func TestIDsRecordedAgainWithAnotherContent(t *testing.T) {
	for name, c := range reusedCases() {
		for _, a := range c.again {
			t.Run(name+"/"+a.field+" "+a.want, func(t *testing.T) {
				b := newBench(t)
				b.Record(t, append(c.before, c.fact)...)
				recordAgain(t, b, c.fact)
				seq := b.Portfolio.Seq()
				added, err := b.Portfolio.Record(t.Context(), changed(c.fact, a))
				switch a.want {
				case reused:
					require.ErrorIs(t, err, accounts.ErrIDReused)
					require.ErrorContains(t, err, a.field, "the error does not name the field")
					require.Equal(t, seq, b.Portfolio.Seq(), "something was written")
				case hint:
					require.NoError(t, err)
					require.Zero(t, added)
					require.Equal(t, seq, b.Portfolio.Seq(), "something was written")
				default:
					require.NoError(t, err)
					require.Equal(t, 1, added)
				}
				recordAgain(t, b, c.fact)
				require.NoError(t, b.Portfolio.Verify(t.Context()))
			})
		}
	}
}

// Whoever adds a field to a fact decides what it means when the fact is recorded again.
func TestEveryFieldOfAFactIsDecidedAbout(t *testing.T) {
	decided := map[reflect.Type]map[string]bool{}
	for _, c := range reusedCases() {
		kind := reflect.TypeOf(c.fact)
		if decided[kind] == nil {
			decided[kind] = map[string]bool{}
		}
		for _, a := range c.again {
			decided[kind][a.field] = true
		}
	}
	facts := []ledger.Fact{ledger.Trade{}, ledger.CashMovement{}, ledger.Split{}, ledger.Opening{}, ledger.Transfer{}, ledger.Cancellation{}, ledger.EquityPoint{}}
	require.Len(t, decided, len(facts), "a kind of fact is missing here")
	for _, f := range facts {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(f)) {
			if field.IsExported() {
				require.True(t, decided[reflect.TypeOf(f)][field.Name], "%T.%s is in no case", f, field.Name)
			}
		}
	}
	require.Equal(t, 5, reflect.TypeFor[ledger.Lot]().NumField(), "a new field of a lot needs a case of its own")
}
