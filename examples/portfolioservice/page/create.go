package page

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var createRoutes = []route{
	{method: "GET", path: "/new", right: httpapi.Administer, at: "new", run: askCreate},
	{method: "POST", path: "/new", right: httpapi.Administer, at: "new", run: create},
}

// createFields are the fields of a new profile. Those that are left empty are the preset's.
var createFields = []string{"once", "preset", "name", "account", "level", "tolerance", "currency", "type"}

// profileNames are the names of fields of a profile by those of the library.
var profileNames = map[string]string{"Name": "name", "IBKRAccountID": "account", "CapitalLevel": "level", "RiskTolerance": "tolerance", "BaseCurrency": "currency",
	"Mode": "account", "Status": "status", "Login": "login", "Gateway.Host": "host", "Gateway.Port": "port", "Gateway.ClientID": "client"}

// ownPreset is the choice of no preset.
const ownPreset = "own"

// presetView is a preset that can be chosen.
type presetView struct{ Key, Name, Hint, Order, Positions, Drawdown string }

// presets are what a profile can begin with, in the order of their capital.
var presets = []struct {
	key  string
	make func(account string) accounts.AccountProfile
}{{"25K", accounts.Aggressive25K}, {"50K", accounts.Balanced50K}, {"100K", accounts.Optimal100K}, {"250K", accounts.Conservative250K}}

// createView is the page of a new profile.
type createView struct {
	Form       *form
	Presets    []presetView
	Own        string
	Levels     []option
	Tolerances []option
	Currencies []option
}

// The choices of a profile's fields.
func tolerances() []option {
	return options(string(accounts.RiskLow), "Low", string(accounts.RiskBalanced), "Balanced", string(accounts.RiskModerate), "Moderate", string(accounts.RiskHigh), "High")
}

func currencies() []option {
	var out []option
	for _, c := range []string{"USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD", "HKD", "SGD", "SEK"} {
		out = append(out, option{Value: c, Word: c})
	}
	return out
}

func askCreate(c *call) error {
	f := newForm("n")
	f.set("once", newOnce())
	f.set("preset", presets[1].key)
	return c.renderCreate(http.StatusOK, f)
}

// renderCreate answers with the page of a new profile.
func (c *call) renderCreate(status int, f *form) error {
	v := createView{Form: f, Own: ownPreset, Tolerances: append(options("", "As the preset"), tolerances()...), Currencies: currencies()}
	for _, p := range presets {
		made := p.make("DU1000000")
		l := made.EffectiveLimits()
		d := l.Drawdown
		v.Presets = append(v.Presets, presetView{Key: p.key, Name: made.Name, Hint: string(made.CapitalLevel) + ", " + string(made.RiskTolerance) + " tolerance",
			Order: fraction(l.OrderNotional.Fraction), Positions: itoa(l.OpenPositions),
			Drawdown: strings.Join([]string{bare(d.Warning), bare(d.Moderate), bare(d.Severe), fraction(d.Critical)}, ", ")})
	}
	return c.renderAs(status, "create", "New profile", v)
}

// bare writes a fraction in percent without the sign, to one place.
func bare(d ledger.Decimal) string {
	return strings.TrimSuffix(strings.TrimSuffix(percent(d.InexactFloat64(), 1), percentSign), ".0")
}

// create makes a profile, once for each page that asked.
func create(c *call) error {
	f, err := c.form("n", createFields...)
	if err != nil {
		return err
	}
	once, err := f.once()
	if err != nil {
		return err
	}
	p := f.newProfile()
	p.ID = profileIDOf(c.caller.Owner, once)
	if f.ok() {
		f.blame(p.WithDefaults().Validate(), profileNames)
	}
	if !f.ok() {
		return c.renderCreate(http.StatusUnprocessableEntity, f)
	}
	made, err := c.page.Manager.CreateProfile(c.ctx, p)
	if errorIsAny(err, accounts.ErrProfileExists, accounts.ErrNameTaken, accounts.ErrAccountTaken) {
		if was, readErr := c.page.Manager.Profile(c.ctx, p.ID); readErr == nil { // it was made by the same page
			if !sameProfile(was, p) {
				return tell(http.StatusConflict, "A profile was made by this page already.", "Nothing more was made. Another profile needs a new page.",
					act{Path: pathOf(was.ID), Words: "See " + was.Name}, act{Path: "/new", Words: "New profile"})
			}
			made, err = was, nil
		}
	}
	switch {
	case errors.Is(err, accounts.ErrNameTaken):
		f.fail("name", "You have a profile of this name. Choose another: archived profiles keep theirs.")
	case errors.Is(err, accounts.ErrAccountTaken):
		f.fail("account", "Another active profile has this account.")
	case err != nil:
		return err
	default:
		return c.redirect(pathOf(made.ID))
	}
	return c.renderCreate(http.StatusConflict, f)
}

// newProfile reads a new profile, and notes what is wrong with it.
func (f *form) newProfile() accounts.AccountProfile {
	var p accounts.AccountProfile
	keys := []string{ownPreset}
	for _, preset := range presets {
		keys = append(keys, preset.key)
		if f.Is("preset", preset.key) {
			p = preset.make(f.Value("account"))
		}
	}
	f.one("preset", keys...)
	f.needed("account")
	if f.Is("preset", ownPreset) {
		f.needed("name", "level", "tolerance")
	}
	p.IBKRAccountID, p.Mode = f.Value("account"), ""
	if v := f.Value("name"); v != "" {
		p.Name = v
	}
	if v := f.Value("level"); v != "" {
		p.CapitalLevel = accounts.CapitalLevel(strings.ToUpper(v))
	}
	if v := f.Value("tolerance"); v != "" {
		p.RiskTolerance = accounts.RiskTolerance(v)
	}
	if v := f.Value("currency"); v != "" {
		p.BaseCurrency = ledger.Currency(v)
	}
	if f.Value("type") != "" && f.one("type", string(risk.MarginAccount), string(risk.CashAccount)) == string(risk.CashAccount) {
		limits := accounts.DefaultLimits(p.CapitalLevel, p.RiskTolerance)
		limits.Account = risk.CashAccount
		p.Limits = &limits
	}
	return p
}

// profileIDOf returns the id of the profile that an owner makes by a page.
func profileIDOf(owner accounts.OwnerID, once string) accounts.ProfileID {
	return accounts.ProfileID(uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:accounts:page:profile:"+string(owner)+":"+once)).String())
}

// sameProfile reports whether a profile is what was asked for.
func sameProfile(was, asked accounts.AccountProfile) bool {
	asked = asked.WithDefaults()
	asked.Owner, asked.Version = was.Owner, was.Version
	asked.CreatedAt, asked.UpdatedAt, asked.LastUsedAt = was.CreatedAt, was.UpdatedAt, was.LastUsedAt
	a, errA := json.Marshal(was)
	b, errB := json.Marshal(asked)
	return errA == nil && errB == nil && string(a) == string(b)
}
