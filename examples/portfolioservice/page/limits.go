package page

import (
	"strings"

	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var limitRoutes = []route{
	{method: "GET", path: "/p/{id}/limits", right: httpapi.Read, at: "limits", run: showLimits},
}

// limitsView is the screen of an account's limits, and of its profile.
type limitsView struct {
	Account account
	Meters  []meter
	Groups  []settingGroup
	Own     bool // the profile has limits of its own
	Created moment
	Updated moment
	Login   string
	Gateway string
	Can     can
}

// settingGroup is a part of the limits as they are set.
type settingGroup struct {
	Name     string
	Settings []setting
}

// setting is one limit as it is set.
type setting struct{ Name, Value string }

func showLimits(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	p := a.Profile
	view := limitsView{Account: a, Own: p.Limits != nil, Can: canOf(c.caller.Rights), Groups: settingsOf(&a.Snapshot.Risk.Limits, a.Currency()),
		Created: c.stamp(p.CreatedAt), Updated: c.stamp(p.UpdatedAt), Login: "its own", Gateway: "none"}
	foremost, rest := meters(&a)
	view.Meters = append(foremost, rest...)
	if p.Login != "" {
		view.Login = string(p.Login)
	}
	if g := p.Gateway; g.Host != "" {
		view.Gateway = g.Host + ":" + itoa(g.Port) + ", client " + itoa(g.ClientID)
	}
	return c.render("limits", "Limits", view)
}

// settingsOf returns limits in words.
func settingsOf(l *risk.Limits, base ledger.Currency) []settingGroup {
	amount := func(limit risk.Limit) string { return limitText(limit, base) }
	d := l.Drawdown
	return []settingGroup{
		{"What may be opened", []setting{
			{"Account", capital(string(l.Account))}, {"Contracts", contractsText(l.SecTypes)}, {"Selling short", yes(l.ShortSelling)},
			{"Uncovered options", yes(l.UncoveredOptions)}, {"Only these symbols", orElse(list(l.AllowedSymbols), "all")},
			{"Never these symbols", orElse(list(l.RestrictedSymbols), "none")},
		}},
		{"One order", []setting{
			{"Units", orNone(quantity(l.OrderQuantity))}, {"Exposure", amount(l.OrderNotional)}, {"Price from the mark", fraction(l.PriceCollar)},
			{"Of options", fraction(l.OptionCollar)}, {"Age of marks", span(l.MarkAge)}, {"Age of rates", span(l.RateAge)},
			{"The same order again after", span(l.DuplicateWindow)}, {"Orders in a minute", orNone(itoa(l.OrdersPerMinute))},
			{"Orders a day", orNone(itoa(l.OrdersPerDay))}, {"Trades a day", orNone(itoa(l.TradesPerDay))},
		}},
		{"What is held", []setting{
			{"Open positions", orNone(itoa(l.OpenPositions))}, {"One contract", amount(l.PositionSize)}, {"One underlying", amount(l.UnderlyingSize)},
			{"All", amount(l.GrossExposure)}, {"Long less short", amount(l.NetExposure)}, {"Leverage", quantity(l.Leverage) + " times equity"},
			{"One strategy", amount(l.StrategyExposure)}, {"One sector", amount(l.SectorExposure)}, {"Margin of futures", fraction(l.FuturesMargin)},
		}},
		{"Losses", []setting{
			{"In a day", amount(l.DailyLoss)}, {"Drawdown, warning", fraction(d.Warning)}, {"Drawdown, nothing new is opened", fraction(d.Moderate)},
			{"Drawdown, reductions only", fraction(d.Severe)}, {"Drawdown, critical", fraction(d.Critical)}, {"Warning from", fraction(l.WarnAt) + " of a limit"},
			{"Trading day of", orElse(l.TimeZone, "America/New_York")},
		}},
	}
}

// limitText writes a limit as it is set.
func limitText(l risk.Limit, base ledger.Currency) string {
	var parts []string
	if !l.Fraction.IsZero() {
		parts = append(parts, fraction(l.Fraction)+" of equity")
	}
	if !l.Amount.IsZero() {
		parts = append(parts, cents(l.Amount).in(base).String())
	}
	return orElse(strings.Join(parts, ", at most "), "no limit")
}

// contractsText lists kinds of contract.
func contractsText(kindsAllowed []ledger.SecType) string {
	var words []string
	for _, kind := range kindsAllowed {
		words = append(words, lowerFirst(kinds[kind][0]))
	}
	return orElse(list(words), "none")
}

// yes returns "yes" or "no".
func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// orElse returns a text, or another where it is empty.
func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// orNone returns a number, or "no limit" for zero.
func orNone(number string) string {
	if number == "0" {
		return "no limit"
	}
	return number
}
