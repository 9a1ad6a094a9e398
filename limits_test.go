package accounts_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// TestDefaultLimitsArePlanned checks the four presets against the plan's table, and what else is published.
func TestDefaultLimitsArePlanned(t *testing.T) {
	for _, c := range []struct {
		profile                            accounts.AccountProfile
		name, capital, perTrade, perAmount string
		positions                          int
		drawdown, stress                   string
	}{
		{accounts.Aggressive25K("DU1"), "Aggressive-25K", "25000", "0.1", "2500", 4, "0.18", "0.25"},
		{accounts.Balanced50K("DU1"), "Balanced-50K", "50000", "0.08", "4000", 6, "0.15", "0.22"},
		{accounts.Optimal100K("DU1"), "Optimal-100K", "100000", "0.06", "6000", 10, "0.12", "0.18"},
		{accounts.Conservative250K("DU1"), "Conservative-250K", "250000", "0.04", "10000", 20, "0.08", "0.12"},
	} {
		l := c.profile.EffectiveLimits()
		require.Equal(t, c.name, c.profile.Name)
		require.Equal(t, c.capital, c.profile.CapitalLevel.Amount().String(), c.name)
		require.Equal(t, c.perTrade, l.OrderNotional.Fraction.String(), "per trade of %s", c.name)
		per, _ := l.OrderNotional.Of(c.profile.CapitalLevel.Amount())
		require.Equal(t, c.perAmount, per.String(), "amount per trade of %s", c.name)
		require.Equal(t, c.positions, l.OpenPositions, "positions of %s", c.name)
		require.Equal(t, c.drawdown, l.Drawdown.Severe.String(), "drawdown of %s", c.name)
		require.Equal(t, c.stress, l.Drawdown.Critical.String(), "stress drawdown of %s", c.name)
		require.Equal(t, "0.2", l.PositionSize.Fraction.String(), "position of %s", c.name)
		require.Equal(t, "0.4", l.SectorExposure.Fraction.String(), "sector of %s", c.name)
		require.Equal(t, "3", l.Leverage.String(), "leverage of %s", c.name)
		require.Equal(t, "0.8", l.WarnAt.String(), "warning level of %s", c.name)
		require.False(t, l.UncoveredOptions, "%s must not write uncovered options", c.name)
		require.NoError(t, l.Validate(), c.name)
	}
}

// TestDefaultLimitsBetween checks interpolation, and that capital beyond the plan is taken for the nearest.
func TestDefaultLimitsBetween(t *testing.T) {
	for _, c := range []struct {
		level                      accounts.CapitalLevel
		risk                       accounts.RiskTolerance
		perTrade, drawdown, stress string
		positions                  int
	}{
		{"75K", accounts.RiskHigh, "0.07", "0.135", "0.2", 8},     // half way from 50K to 100K
		{"60K", accounts.RiskHigh, "0.076", "0.144", "0.212", 6},  // a fifth of it: 8 − 0.4, 15 − 0.6, 22 − 0.8, 6 + 0.8 rounded down
		{"175K", accounts.RiskHigh, "0.05", "0.1", "0.15", 15},    // half way from 100K to 250K
		{"30K", accounts.RiskHigh, "0.096", "0.174", "0.244", 4},  // a fifth of the way from 25K to 50K
		{"75K", accounts.RiskBalanced, "0.06", "0.12", "0.18", 8}, // the tolerance is the smaller
		{"75K", accounts.RiskLow, "0.04", "0.08", "0.12", 8},
		{"1K", accounts.RiskHigh, "0.1", "0.18", "0.25", 4},
		{"1K", accounts.RiskLow, "0.04", "0.08", "0.12", 4},
		{"251K", accounts.RiskHigh, "0.04", "0.08", "0.12", 20},
		{"999999M", accounts.RiskHigh, "0.04", "0.08", "0.12", 20},
	} {
		l := accounts.DefaultLimits(c.level, c.risk)
		got := fmt.Sprint(l.OrderNotional.Fraction, l.Drawdown.Severe, l.Drawdown.Critical, l.OpenPositions)
		require.Equal(t, fmt.Sprint(c.perTrade, " ", c.drawdown, " ", c.stress, " ", c.positions), got, "%s %s", c.level, c.risk)
	}
}

// tolerances from the tightest.
var tolerances = []accounts.RiskTolerance{accounts.RiskLow, accounts.RiskBalanced, accounts.RiskModerate, accounts.RiskHigh}

// TestLessToleranceNeverLoosens compares every field of the limits of two tolerances: a field that
// is not known here fails.
func TestLessToleranceNeverLoosens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := accounts.CapitalLevel(fmt.Sprintf("%d%s", rapid.IntRange(1, 999_999).Draw(t, "n"), rapid.SampledFrom([]string{"K", "M"}).Draw(t, "unit")))
		if rapid.Bool().Draw(t, "near the plan") {
			level = accounts.CapitalLevel(fmt.Sprintf("%dK", rapid.IntRange(1, 300).Draw(t, "thousands")))
		}
		i := rapid.IntRange(0, 2).Draw(t, "tighter")
		tight, wide := accounts.DefaultLimits(level, tolerances[i]), accounts.DefaultLimits(level, tolerances[i+1])
		require.NoError(t, tight.Validate(), "default limits of %s %s", level, tolerances[i])
		require.NoError(t, wide.Validate(), "default limits of %s %s", level, tolerances[i+1])
		notLooser(t, fmt.Sprintf("%s %s against %s", level, tolerances[i], tolerances[i+1]), reflect.ValueOf(tight), reflect.ValueOf(wide))
	})
}

// notLooser requires that no field of a permits more than that of b.
func notLooser(t require.TestingT, what string, a, b reflect.Value) {
	for i := range a.NumField() {
		name, x, y := a.Type().Field(i).Name, a.Field(i).Interface(), b.Field(i).Interface()
		at := what + ", " + name
		switch x := x.(type) {
		case risk.Limit: // the zero limit is none
			y := y.(risk.Limit)
			require.False(t, x.IsZero() && !y.IsZero(), "%s: no limit against %v", at, y)
			for _, equity := range []string{"0.01", "1000", "25000", "123456.78", "100000000"} {
				p, _ := x.Of(dec(equity))
				q, set := y.Of(dec(equity))
				require.True(t, !set || !p.GreaterThan(q), "%s: %s against %s at an equity of %s", at, p, q, equity)
			}
		case ledger.Decimal:
			require.False(t, x.GreaterThan(y.(ledger.Decimal)), "%s: %s against %s", at, x, y)
			require.False(t, name == "OrderQuantity" && x.IsZero() && !y.(ledger.Decimal).IsZero(), "%s: no limit", at)
		case int:
			require.False(t, x > y.(int) || x == 0 && y.(int) != 0, "%s: %d against %d", at, x, y)
		case bool:
			require.False(t, x && !y.(bool), "%s is permitted with less tolerance only", at)
		case []ledger.SecType:
			require.Subset(t, y, x, at)
		case risk.DrawdownLimits:
			notLooser(t, at, a.Field(i), b.Field(i))
		case time.Duration, risk.AccountType, string, []string, []risk.DatedPolicy:
			require.Equal(t, y, x, "%s: of these, neither is the tighter", at)
		default:
			require.Failf(t, "a field that nobody compares", "%s is a %T", at, x)
		}
	}
}

// TestDefaultLimitsOfNothing: a level or tolerance that is none permits nothing.
func TestDefaultLimitsOfNothing(t *testing.T) {
	for _, c := range []struct {
		level accounts.CapitalLevel
		risk  accounts.RiskTolerance
	}{{"", accounts.RiskLow}, {"0K", accounts.RiskLow}, {"-5K", accounts.RiskLow}, {"25k", accounts.RiskLow}, {"25K", ""}, {"25K", "bold"}, {"25K", "LOW"}} {
		l := accounts.DefaultLimits(c.level, c.risk)
		require.Error(t, l.Validate(), "limits of level %q and tolerance %q must permit nothing", c.level, c.risk)
		d := newDesk(t, nil)
		p := d.Profile.Clone()
		p.Limits = &l
		require.NoError(t, d.Store.UpdateProfile(t.Context(), p))
		d.Restart(t)
		d.Mark(t, xyz, "100")
		d.Refuse(t, order("o", xyz, "0.0001"), broken(risk.RuleNoLimits, "", "0", "0"))
	}
	mine := accounts.DefaultLimits("25K", accounts.RiskHigh)
	mine.SecTypes[0], mine.DayTrading[0].Policy = ledger.Crypto, risk.DayTradesFree
	fresh := accounts.DefaultLimits("25K", accounts.RiskHigh)
	require.Equal(t, ledger.Stock, fresh.SecTypes[0], "the result must be the caller's own")
	require.Equal(t, risk.PatternDayTrader, fresh.DayTrading[0].Policy, "the result must be the caller's own")
}

// TestAProfileTakesNoWrongLimits: neither when it is made nor later; every wrong limit is named.
func TestAProfileTakesNoWrongLimits(t *testing.T) {
	m := newManagerOn(t, memstore.New())
	p := accounts.Optimal100K("DU1000100")
	p.Limits = loose()
	created, err := m.CreateProfile(t.Context(), p)
	require.NoError(t, err, "the limits that are spoilt here are valid otherwise")
	for field, spoil := range map[string]func(l *risk.Limits){
		"Account":              func(l *risk.Limits) { l.Account = "" },
		"TimeZone":             func(l *risk.Limits) { l.TimeZone = "Europe/Atlantis" },
		"Leverage":             func(l *risk.Limits) { l.Leverage = dec("0") },
		"GrossExposure.Amount": func(l *risk.Limits) { l.GrossExposure.Amount = dec("-1") },
		"Drawdown.Severe":      func(l *risk.Limits) { l.Drawdown.Severe = dec("-0.5") },
		"DayTrading":           func(l *risk.Limits) { l.DayTrading = []risk.DatedPolicy{{Policy: "swing"}} },
	} {
		bad := loose()
		spoil(bad)
		made, changed := accounts.Balanced50K("DU1000200"), created.Clone()
		made.Limits, changed.Limits = bad, bad
		_, err := m.CreateProfile(t.Context(), made)
		require.Equal(t, []string{"Limits." + field}, wrongFields(t, err), "a profile was made with such limits")
		_, err = m.UpdateProfile(t.Context(), changed)
		require.Equal(t, []string{"Limits." + field}, wrongFields(t, err), "a profile took such limits")
	}
}

// TestLimitsRoundTrip: a store keeps limits of its own, and gives copies away.
func TestLimitsRoundTrip(t *testing.T) {
	m := newManagerOn(t, memstore.New())
	p := accounts.Optimal100K("DU1000100")
	p.Limits = loose()
	p.Limits.AllowedSymbols, p.Limits.RestrictedSymbols = []string{"XYZ"}, []string{"ABC"}
	p.Limits.DayTrading = []risk.DatedPolicy{{Policy: risk.PatternDayTrader}}
	want := p.Limits.Clone()
	created, err := m.CreateProfile(t.Context(), p)
	require.NoError(t, err)
	spoil := func(l *risk.Limits) {
		l.Leverage, l.SecTypes[0], l.AllowedSymbols[0], l.RestrictedSymbols[0], l.DayTrading[0].Policy = dec("99"), "BOND", "BAD", "GOOD", risk.DayTradesFree
	}
	require.Equal(t, want, *created.Limits, "what was created has other limits")
	spoil(p.Limits)
	for range 2 {
		got, err := m.Profile(t.Context(), created.ID)
		require.NoError(t, err)
		require.Equal(t, want, *got.Limits, "the stored limits changed with a copy of them")
		spoil(got.Limits)
		open, err := m.Portfolio(t.Context(), created.ID)
		require.NoError(t, err)
		in := open.Snapshot().Risk.Limits
		require.Equal(t, want, in, "the limits in force changed with a copy of them")
		spoil(&in)
		effective := got.Clone().EffectiveLimits()
		spoil(&effective)
	}
}

// TestLimitsReachOtherManagers: other limits, or another status, hold from the next Reserve on in a manager that has
// not heard of them.
func TestLimitsReachOtherManagers(t *testing.T) {
	d := newDesk(t, nil)
	deaf := &fakeStore{Store: d.Store.(*memstore.Store)}
	deaf.onWatch = func(context.Context) (<-chan accounts.Event, error) { return make(chan accounts.Event), nil }
	other, err := accounts.New(deaf, accounts.WithClock(d.Now))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	p, err := other.Portfolio(t.Context(), d.Profile.ID)
	require.NoError(t, err)
	require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: d.Now()}))
	reserve := func(id ledger.OrderID) risk.Decision {
		t.Helper()
		got, err := p.Reserve(t.Context(), order(id, xyz, "11"))
		require.Equal(t, got.Allowed, err == nil, "decision and error must agree: %v", err)
		return got
	}
	require.True(t, reserve("before").Allowed)
	d.Tighten(t, func(l *risk.Limits) { l.OrderQuantity = dec("10") })
	got := reserve("tighter")
	require.Equal(t, []string{broken(risk.RuleQuantity, "", "11", "10")}, allSaid(got.Violations), "other limits must hold at once")
	d.Tighten(t, func(l *risk.Limits) { l.OrderQuantity = dec("11") })
	require.True(t, reserve("wider").Allowed, "and wider ones, too")
	d.Change(t, func(p *accounts.AccountProfile) { p.Status = accounts.StatusSuspended })
	require.True(t, reserve("suspended").Broken(risk.RuleStatus), "another status must hold at once")
	d.Change(t, func(p *accounts.AccountProfile) { p.Status = accounts.StatusActive })
	require.True(t, reserve("active").Allowed)
	d.Change(t, func(p *accounts.AccountProfile) {
		p.Limits, p.CapitalLevel, p.RiskTolerance = nil, "25K", accounts.RiskLow
	})
	d.Advance(time.Minute) // or it would be the same order twice
	require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: d.Now()}))
	got = reserve("default") // 4 % of 100,000 are 4,000; the 3 × 11 before and this one come to 4,400 gross, but no order limit
	require.True(t, got.Allowed, "defaults allow it: %s", got)
	over, err := p.Reserve(t.Context(), order("over", xyz, "41"))
	require.ErrorIs(t, err, accounts.ErrRefused)
	require.Equal(t, broken(risk.RuleNotional, "", "4100", "4000"), said(over.Violations[0]), "the defaults of another level must hold at once")
	require.NoError(t, d.Manager.ArchiveProfile(t.Context(), d.Profile.ID))
	require.True(t, reserve("archived").Broken(risk.RuleStatus), "an archived profile accepts nothing, at once")
	require.Equal(t, accounts.StatusArchived, p.Snapshot().Risk.Status)
}

// TestTheZoneStaysOnceDaysAreCounted: another time zone would begin or repeat a day, and with it what
// the day may lose and order. What another process has counted counts too.
func TestTheZoneStaysOnceDaysAreCounted(t *testing.T) {
	for name, count := range map[string]func(t *testing.T, p *accounts.Portfolio){
		"an equity point": func(t *testing.T, p *accounts.Portfolio) { require.NoError(t, p.RecordEquity(t.Context(), now)) },
		"a trade": func(t *testing.T, p *accounts.Portfolio) {
			_, err := p.Record(t.Context(), trade(1, xyz, "10", "100"))
			require.NoError(t, err)
		},
		"a currency trade": func(t *testing.T, p *accounts.Portfolio) {
			_, err := p.Record(t.Context(), trade(1, ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}, "10", "1.1"))
			require.NoError(t, err)
		},
		"an assignment": func(t *testing.T, p *accounts.Portfolio) {
			assigned := trade(1, xyz, "100", "100")
			assigned.Kind = ledger.Assignment
			_, err := p.Record(t.Context(), assigned)
			require.NoError(t, err)
		},
		"an order": func(t *testing.T, p *accounts.Portfolio) {
			require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
			_, err := p.Reserve(t.Context(), risk.Order{ID: "o", Instrument: xyz, Quantity: dec("1"), Price: dec("100")})
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			clock := accounts.WithClock(func() time.Time { return now })
			m, other := newManager(t, store, clock), newManager(t, store, clock)
			p := create(t, t.Context(), m, "a")
			zone := func(name string) error {
				limits := p.EffectiveLimits()
				limits.TimeZone, limits.RateAge = name, limits.RateAge+time.Second // another limit may change
				changed := p
				changed.Limits = &limits
				changed, err := m.UpdateProfile(t.Context(), changed)
				if err == nil {
					p = changed
				}
				return err
			}
			book, err := m.Portfolio(t.Context(), "a")
			require.NoError(t, err)
			_, err = book.Record(t.Context(), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: now})
			require.NoError(t, err)
			require.NoError(t, zone("Asia/Tokyo"), "a deposit counts no day")
			require.NoError(t, zone(""), "nothing counts a day")

			elsewhere, err := other.Portfolio(t.Context(), "a")
			require.NoError(t, err)
			count(t, elsewhere)
			require.Equal(t, []string{"Limits.TimeZone"}, wrongFields(t, zone("Asia/Tokyo")), "the day was ended by a setting")
			require.NoError(t, zone("America/New_York"), "the zone is the same")
			require.NoError(t, zone(""), "the zone is the same")
		})
	}
}
