package page

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var limitEditRoutes = []route{
	{method: "GET", path: "/p/{id}/limits/edit", right: httpapi.Administer, at: "limits", run: askLimits},
	{method: "POST", path: "/p/{id}/limits/edit", right: httpapi.Administer, at: "limits", run: editLimits},
}

// limitField is a field of limits. It says how the field is written, and where it is.
type limitField struct {
	Name, Label, Hint string
	library           string        // the field's name in errors of the library
	percent           bool          // a fraction, written in percent
	span              time.Duration // of which a duration is a number
	at                func(*risk.Limits) any
}

// limitGroup is a part of the page.
type limitGroup struct {
	Name, Hint string
	Fields     []limitField
}

var (
	hundred   = ledger.MustDecimal("100")
	hundredth = ledger.MustDecimal("0.01") // a product has the places it needs, and a quotient all there are
	boundHint = "An amount, a share of equity, or both: then the smaller counts. Empty means no limit."
)

// bounds returns the two fields of a limit.
func bounds(name, label, library string, at func(*risk.Limits) *risk.Limit) []limitField {
	return []limitField{
		{Name: name + ".share", Label: label + ", % of equity", library: library + ".Fraction", percent: true, at: func(l *risk.Limits) any { return &at(l).Fraction }},
		{Name: name + ".amount", Label: label + ", amount", library: library + ".Amount", at: func(l *risk.Limits) any { return &at(l).Amount }},
	}
}

// limitGroups are all fields that a person sets, but for kinds of contract, account type and day
// trades.
var limitGroups = []limitGroup{
	{"One order", boundHint, slices.Concat(
		bounds("order", "One order", "OrderNotional", func(l *risk.Limits) *risk.Limit { return &l.OrderNotional }),
		[]limitField{
			{Name: "units", Label: "Units in one order", Hint: "Empty means no limit.", library: "OrderQuantity", at: func(l *risk.Limits) any { return &l.OrderQuantity }},
			{Name: "collar", Label: "Price beyond the mark, %", library: "PriceCollar", percent: true, at: func(l *risk.Limits) any { return &l.PriceCollar }},
			{Name: "optioncollar", Label: "Of options, %", library: "OptionCollar", percent: true, at: func(l *risk.Limits) any { return &l.OptionCollar }},
			{Name: "markage", Label: "Age of marks, seconds", library: "MarkAge", span: time.Second, at: func(l *risk.Limits) any { return &l.MarkAge }},
			{Name: "rateage", Label: "Age of rates, minutes", library: "RateAge", span: time.Minute, at: func(l *risk.Limits) any { return &l.RateAge }},
			{Name: "duplicate", Label: "The same order is one sent twice, seconds", Hint: "Empty means never.", library: "DuplicateWindow", span: time.Second, at: func(l *risk.Limits) any { return &l.DuplicateWindow }},
		})},
	{"How often", "Empty means no limit.", []limitField{
		{Name: "perminute", Label: "Orders a minute", library: "OrdersPerMinute", at: func(l *risk.Limits) any { return &l.OrdersPerMinute }},
		{Name: "perday", Label: "Orders a day", library: "OrdersPerDay", at: func(l *risk.Limits) any { return &l.OrdersPerDay }},
		{Name: "trades", Label: "Trades a day", library: "TradesPerDay", at: func(l *risk.Limits) any { return &l.TradesPerDay }},
	}},
	{"What is held", boundHint, slices.Concat(
		bounds("position", "One position", "PositionSize", func(l *risk.Limits) *risk.Limit { return &l.PositionSize }),
		bounds("underlying", "One underlying", "UnderlyingSize", func(l *risk.Limits) *risk.Limit { return &l.UnderlyingSize }),
		bounds("strategy", "One strategy", "StrategyExposure", func(l *risk.Limits) *risk.Limit { return &l.StrategyExposure }),
		bounds("sector", "One sector", "SectorExposure", func(l *risk.Limits) *risk.Limit { return &l.SectorExposure }),
		bounds("gross", "Everything", "GrossExposure", func(l *risk.Limits) *risk.Limit { return &l.GrossExposure }),
		bounds("net", "Long less short", "NetExposure", func(l *risk.Limits) *risk.Limit { return &l.NetExposure }),
		[]limitField{
			{Name: "positions", Label: "Open positions", Hint: "Empty means no limit.", library: "OpenPositions", at: func(l *risk.Limits) any { return &l.OpenPositions }},
			{Name: "leverage", Label: "Leverage", Hint: "Gross exposure ÷ equity", library: "Leverage", at: func(l *risk.Limits) any { return &l.Leverage }},
			{Name: "margin", Label: "Margin of futures, %", Hint: "Of their notional", library: "FuturesMargin", percent: true, at: func(l *risk.Limits) any { return &l.FuturesMargin }},
			{Name: "warn", Label: "Warn from, % of a limit", library: "WarnAt", percent: true, at: func(l *risk.Limits) any { return &l.WarnAt }},
		})},
	{"Losses", "A drawdown is from the high. Each level lies above the one before.", slices.Concat(
		bounds("loss", "Day’s loss", "DailyLoss", func(l *risk.Limits) *risk.Limit { return &l.DailyLoss }),
		[]limitField{
			{Name: "warning", Label: "Drawdown, warning, %", Hint: "You are told", library: "Drawdown.Warning", percent: true, at: func(l *risk.Limits) any { return &l.Drawdown.Warning }},
			{Name: "moderate", Label: "Moderate, %", Hint: "Nothing new is opened", library: "Drawdown.Moderate", percent: true, at: func(l *risk.Limits) any { return &l.Drawdown.Moderate }},
			{Name: "severe", Label: "Severe, %", Hint: "Reductions only, until you resume", library: "Drawdown.Severe", percent: true, at: func(l *risk.Limits) any { return &l.Drawdown.Severe }},
			{Name: "critical", Label: "Critical, %", Hint: "Reductions only, until you resume", library: "Drawdown.Critical", percent: true, at: func(l *risk.Limits) any { return &l.Drawdown.Critical }},
		})},
	{"Symbols", "With spaces between them. None allowed means all are.", []limitField{
		{Name: "allowed", Label: "Only these may be opened", library: "AllowedSymbols", at: func(l *risk.Limits) any { return &l.AllowedSymbols }},
		{Name: "barred", Label: "These may not", library: "RestrictedSymbols", at: func(l *risk.Limits) any { return &l.RestrictedSymbols }},
		{Name: "zone", Label: "Time zone of the trading day", Hint: "Empty: America/New_York. Stays once days are counted.", library: "TimeZone", at: func(l *risk.Limits) any { return &l.TimeZone }},
	}},
}

// limitLabels are the fields of limits with their labels, in the order of the page.
var limitLabels = func() []pairOf {
	out := []pairOf{{"account", "Account type"}, {"kinds", "Kinds of contract"}, {"short", "Short selling"}, {"uncovered", "Uncovered options"}, {"daytrades", "Day trades"}}
	for _, g := range limitGroups {
		for _, f := range g.Fields {
			out = append(out, pairOf{f.Name, f.Label})
		}
	}
	return out
}()

// limitErrors are the names of fields by those of the library, in errors of limits and of profiles.
var limitErrors = func() map[string]string {
	out := map[string]string{"Account": "account", "SecTypes": "kinds", "DayTrading": "daytrades"}
	for _, g := range limitGroups {
		for _, f := range g.Fields {
			out[f.library] = f.Name
		}
	}
	for library, name := range maps.Clone(out) {
		out["Limits."+library] = name
	}
	return out
}()

// keepPolicy leaves the policies of day trades as they are: a list by dates.
const keepPolicy = "keep"

// limitsForm returns limits as a form.
func limitsForm(p *accounts.AccountProfile) *form {
	l := p.EffectiveLimits()
	f := newForm("l")
	f.set("profile", string(p.ID))
	f.set("version", itoa64(p.Version))
	f.set("account", string(l.Account))
	for _, kind := range l.SecTypes {
		f.values["kinds"] = append(f.values["kinds"], string(kind))
	}
	for name, on := range map[string]bool{"short": l.ShortSelling, "uncovered": l.UncoveredOptions} {
		if on {
			f.set(name, "yes")
		}
	}
	f.set("daytrades", keepPolicy)
	for _, g := range limitGroups {
		for _, field := range g.Fields {
			f.set(field.Name, field.text(&l))
		}
	}
	return f
}

// Mode returns the mode of the field's input.
func (lf limitField) Mode() string {
	switch lf.at(&risk.Limits{}).(type) {
	case *ledger.Decimal:
		return "decimal"
	case *[]string, *string:
		return "text"
	}
	return "numeric"
}

// text writes a field; empty for no limit.
func (lf limitField) text(l *risk.Limits) string {
	switch v := lf.at(l).(type) {
	case *ledger.Decimal:
		if v.IsZero() {
			return ""
		}
		if lf.percent {
			return trimZeros(v.Mul(hundred).String())
		}
		return trimZeros(v.String())
	case *int:
		if *v == 0 {
			return ""
		}
		return itoa(*v)
	case *time.Duration:
		if *v == 0 {
			return ""
		}
		return itoa64(int64(*v / lf.span))
	case *[]string:
		return strings.Join(*v, " ")
	case *string:
		return *v
	}
	return ""
}

// trimZeros writes a number without zeros at its end.
func trimZeros(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// maxSpan is the longest duration that a field takes: the library knows which are too long.
const maxSpan = 10_000 * time.Hour

// read reads a field into limits.
func (lf limitField) read(f *form, l *risk.Limits) {
	switch v := lf.at(l).(type) {
	case *ledger.Decimal:
		*v = f.decimal(lf.Name)
		if lf.percent {
			*v = v.Mul(hundredth)
		}
	case *int:
		*v = f.count(lf.Name)
	case *time.Duration:
		n := f.count(lf.Name)
		if most := int64(maxSpan / lf.span); int64(n) > most {
			f.fail(lf.Name, "Write at most %d.", most)
			return
		}
		if whole := *v / lf.span; int64(n) != int64(whole) { // a part of the unit stays where nobody wrote another number
			*v = time.Duration(n) * lf.span
		}
	case *[]string:
		*v = strings.Fields(strings.ReplaceAll(f.Value(lf.Name), ",", " "))
		for i, s := range *v {
			(*v)[i] = strings.ToUpper(s)
		}
		if len(*v) == 0 {
			*v = nil
		}
	case *string:
		*v = f.Value(lf.Name)
	}
}

// limits reads limits. before are those that the profile has.
func (f *form) limits(before risk.Limits) risk.Limits {
	l := before.Clone()
	l.Account = risk.AccountType(f.one("account", string(risk.MarginAccount), string(risk.CashAccount)))
	l.ShortSelling, l.UncoveredOptions = f.Is("short", "yes"), f.Is("uncovered", "yes")
	l.SecTypes = nil
	for _, kind := range f.Values("kinds") {
		l.SecTypes = append(l.SecTypes, ledger.SecType(kind))
	}
	for _, g := range limitGroups {
		for _, field := range g.Fields {
			field.read(f, &l)
		}
	}
	policies := []string{keepPolicy, string(risk.DayTradesFree), string(risk.PatternDayTrader), string(risk.IntradayMargin)}
	if policy := f.one("daytrades", policies...); policy != keepPolicy {
		l.DayTrading = []risk.DatedPolicy{{Policy: risk.DayTradePolicy(policy)}}
	}
	return l
}

// limited returns a profile with the limits of the form, and notes what is wrong with them. The
// limits of level and tolerance leave the profile's time zone as it is: days may be counted in it.
func (f *form) limited(p accounts.AccountProfile) accounts.AccountProfile {
	before := p.EffectiveLimits()
	if f.Is("defaults", "yes") {
		p.Limits = nil
		if l := p.EffectiveLimits(); !l.SameDays(before) {
			l.TimeZone = before.TimeZone
			p.Limits = &l
		}
		return p
	}
	l := f.limits(before)
	p.Limits = &l
	if f.ok() {
		f.blame(l.Validate(), limitErrors)
	}
	return p
}

// limitsEditView is the page that changes limits.
type limitsEditView struct {
	Account  account
	Form     *form
	Conflict []clash
	Groups   []limitGroup
	Kinds    []option
	Policies []option
	Own      bool // the profile has limits of its own
}

func askLimits(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	return c.renderLimits(http.StatusOK, &a, limitsForm(&a.Profile), nil)
}

// renderLimits answers with the page that changes limits.
func (c *call) renderLimits(status int, a *account, f *form, conflict []clash) error {
	v := limitsEditView{Account: *a, Form: f, Conflict: conflict, Groups: limitGroups, Own: a.Profile.Limits != nil,
		Policies: options(keepPolicy, "As they are: "+policyWords(a.Profile.EffectiveLimits().DayTrading), string(risk.DayTradesFree), "Not limited",
			string(risk.PatternDayTrader), "Pattern day trader, below 25,000 USD", string(risk.IntradayMargin), "Intraday margin")}
	for _, kind := range []ledger.SecType{ledger.Stock, ledger.Fund, ledger.Option, ledger.Future, ledger.FutureOption, ledger.Warrant, ledger.CFD, ledger.Bond, ledger.Forex, ledger.Crypto} {
		v.Kinds = append(v.Kinds, option{string(kind), kinds[kind][0], f.Is("kinds", string(kind))})
	}
	return c.renderAs(status, "limitsedit", "Edit limits", v)
}

// policyWords says which policies of day trades are in force from when.
func policyWords(list []risk.DatedPolicy) string {
	names := map[risk.DayTradePolicy]string{risk.DayTradesFree: "not limited", risk.PatternDayTrader: "pattern day trader", risk.IntradayMargin: "intraday margin"}
	var out []string
	for _, p := range list {
		word := names[p.Policy]
		if p.From != 0 {
			word += " from " + p.From.String()
		}
		out = append(out, word)
	}
	if len(out) == 0 {
		return "not limited"
	}
	return strings.Join(out, ", ")
}

// editLimits changes limits, unless the profile has changed since the page was read: then both
// versions are shown.
func editLimits(c *call) error {
	a, err := c.editable()
	if err != nil {
		return err
	}
	f, err := c.form("l", namesOf(limitLabels, "profile", "version", "defaults", "kinds"+many)...)
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	p := f.limited(a.Profile.Clone())
	if !f.ok() {
		return c.renderLimits(http.StatusUnprocessableEntity, &a, f, nil)
	}
	conflict := func(now *account) error {
		theirs := limitsForm(&now.Profile)
		f.set("version", theirs.Value("version"))
		return c.renderLimits(http.StatusConflict, now, f, clashesOf(limitLabels, f, theirs))
	}
	if f.Value("version") != itoa64(a.Profile.Version) {
		return conflict(&a)
	}
	if _, err := c.page.Manager.UpdateProfile(c.ctx, p); err != nil {
		if now, readErr := c.reread(); errors.Is(err, accounts.ErrConflict) && readErr == nil && now.Profile.Version != a.Profile.Version {
			return conflict(&now)
		}
		if !f.Is("defaults", "yes") && f.blame(err, limitErrors) {
			return c.renderLimits(http.StatusUnprocessableEntity, &a, f, nil)
		}
		return err
	}
	return c.redirect(a.Path("limits"))
}
