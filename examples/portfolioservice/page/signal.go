package page

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

var signalRoutes = []route{
	{method: "GET", path: "/signal", right: httpapi.Check, at: "trade", run: showSignal},
	{method: "POST", path: "/signal", right: httpapi.Check, at: "trade", run: checkSignal},
	{method: "GET", path: "/signal/place", right: httpapi.Trade, at: "trade", run: askSignal},
	{method: "POST", path: "/signal/place", right: httpapi.Trade, at: "trade", run: placeSignal},
	{method: "GET", path: "/signal/{signal}", right: httpapi.Read, at: "trade", run: showRouted},
}

// sizeFields are the figures of sizers.
var sizeFields = []string{"fraction", "amount", "units", "confidence", "volatility", "payoff", "target", "part", "most"}

// signalFields are the fields of a signal. seen is how the accounts stood when the page was made.
var signalFields = slices.Concat([]string{"once", "seen", "to" + many}, contractFields, []string{"action", "limit", "tif", "size", "all", "strategy", "sector"}, sizeFields)

// signalNames are the names of signalFields by those of the library.
var signalNames = func() map[string]string {
	names := map[string]string{"Action": "action", "Confidence": "confidence", "Volatility": "volatility", "Payoff": "payoff", "Price": "limit", "Strategy": "strategy", "Sector": "sector"}
	for library, name := range contractNames {
		names[library], names["Instrument."+library] = name, name
	}
	return names
}()

// sizerChoice is a way to size a signal in each account.
type sizerChoice struct {
	Key, Word string
	needs     []string // the figures that it needs; others must be empty, but for may
	may       []string
	make      func(f *form) sizing.Sizer
}

var sizers = []sizerChoice{
	{"level", "By equity and level of each account", nil, nil, func(*form) sizing.Sizer { return sizing.FixedFraction{} }},
	{"fraction", "The same share of equity in each", []string{"fraction"}, nil, func(f *form) sizing.Sizer { return sizing.FixedFraction{Fraction: f.share("fraction")} }},
	{"units", "The same quantity in each", []string{"units"}, nil, func(f *form) sizing.Sizer {
		units := f.decimal("units")
		return sizing.Func(func(s sizing.Sizing) (ledger.Decimal, error) { return units.Mul(s.Unit), nil })
	}},
	{"amount", "The same amount in each", []string{"amount"}, nil, func(f *form) sizing.Sizer { return sizing.FixedNotional{Amount: f.decimal("amount")} }},
	{"confidence", "By confidence", []string{"confidence"}, []string{"fraction"}, func(f *form) sizing.Sizer { return sizing.ConfidenceWeighted{Fraction: f.share("fraction")} }},
	{"volatility", "To a target of volatility", []string{"volatility", "target"}, []string{"most"}, func(f *form) sizing.Sizer {
		return sizing.VolatilityTarget{Target: f.share("target"), Max: f.share("most")}
	}},
	{"kelly", "By a part of Kelly", []string{"confidence", "payoff", "part"}, []string{"most"}, func(f *form) sizing.Sizer {
		return sizing.FractionalKelly{Part: f.share("part"), Max: f.share("most")}
	}},
}

// share reads a percentage as a fraction.
func (f *form) share(name string) ledger.Decimal { return f.decimal(name).Mul(hundredth) }

// signalView is the page of a signal to several accounts.
type signalView struct {
	Accounts []account // that can be chosen
	Chosen   []account
	Form     *form
	Kinds    []option
	Sizes    []option
	Known    []string
	Notice   *notice
	Checked  *routed
	CanTrade bool
}

// routed is what a signal came to, or would, in each account.
type routed struct {
	At          moment
	Words       string
	Rows        []routedRow
	Allowed     int
	Live, Paper int // orders
	Place       []pairOf
	Ask         string
}

// routedRow is one account's part.
type routedRow struct {
	account
	Order   ledger.OrderID
	Size    string // empty for none
	Worth   money
	Share   string
	Tag     badge
	Rules   []words
	Then    string
	allowed bool
}

func showSignal(c *call) error {
	f, err := c.query("g", signalFields...)
	if err != nil {
		return err
	}
	f.set("once", newOnce())
	list, err := c.tradable()
	if err != nil {
		return err
	}
	if len(f.Values("to")) == 0 {
		for _, a := range list {
			f.values["to"] = append(f.values["to"], string(a.ID))
		}
	}
	f.preset("action", string(accounts.SignalBuy))
	f.preset("tif", string(broker.Day))
	return c.renderSignal(http.StatusOK, f, list, nil, nil)
}

// tradable returns the accounts that can take a signal.
func (c *call) tradable() ([]account, error) {
	known, err := c.accounts()
	return slices.DeleteFunc(slices.Clone(known), func(a account) bool { return a.Profile.Status != accounts.StatusActive }), err
}

// chosenOf returns the accounts that a signal is for. Errors: accounts.ErrProfileNotFound for one
// that the caller does not see, or that takes no signals.
func chosenOf(f *form, list []account) ([]account, error) {
	var out []account
	ids := f.Values("to")
	for i, id := range ids {
		at := slices.IndexFunc(list, func(a account) bool { return string(a.ID) == id })
		if at < 0 {
			return nil, accounts.ErrProfileNotFound
		}
		if slices.Contains(ids[:i], id) {
			return nil, errForm
		}
		out = append(out, list[at])
	}
	return out, nil
}

// seenOf returns what tells one state of profiles from another: their ids and their versions.
func seenOf(list []account) string {
	h := sha256.New()
	for _, a := range list {
		h.Write([]byte(string(a.ID) + "\x00" + itoa64(a.Profile.Version) + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// renderSignal answers with the page of a signal.
func (c *call) renderSignal(status int, f *form, list []account, checked *routed, n *notice) error {
	v := signalView{Accounts: list, Form: f, Kinds: contractKinds(), Notice: n, Checked: checked, CanTrade: c.caller.Rights.Has(httpapi.Trade)}
	f.preset("size", sizers[0].Key)
	for _, s := range sizers {
		v.Sizes = append(v.Sizes, option{Value: s.Key, Word: s.Word})
	}
	for _, i := range knownContracts(list...) {
		v.Known = append(v.Known, nameOf(i))
	}
	for _, a := range list {
		if f.Is("to", string(a.ID)) {
			v.Chosen = append(v.Chosen, a)
		}
	}
	return c.renderAs(status, "signal", "Signal", v)
}

// aSignal is a signal that was read, with what goes with it.
type aSignal struct {
	accounts.Signal
	to      []account
	terms   broker.Terms
	options []accounts.RouteOption
}

// signal reads a signal, and notes what is wrong with it.
func (f *form) signal(to []account) aSignal {
	base := ledger.Currency("USD")
	if len(to) > 0 {
		base = to[0].Currency()
	}
	out := aSignal{to: to, terms: broker.Terms{Type: broker.MarketOrder, Limit: f.decimal("limit")}}
	out.Instrument = f.contract(base, knownContracts(to...))
	out.Action = accounts.SignalAction(f.one("action", string(accounts.SignalBuy), string(accounts.SignalSell), string(accounts.SignalClose)))
	out.terms.TIF = broker.TimeInForce(f.one("tif", string(broker.Day), string(broker.GoodTillCanceled)))
	if out.terms.Limit.IsNeg() || f.Value("limit") != "" && f.Err("limit") == "" && out.terms.Limit.IsZero() {
		f.fail("limit", "Write a price above zero, or nothing for the market.")
	}
	if !out.terms.Limit.IsZero() {
		out.terms.Type = broker.LimitOrder
	}
	if len(to) == 0 {
		f.fail("to", "Choose at least one account.")
	}
	out.ID, out.Price = risk.SignalID("page."+f.Value("once")), out.terms.Limit
	out.Strategy, out.Sector = f.Value("strategy"), f.Value("sector")
	out.Confidence, out.Volatility, out.Payoff = f.share("confidence"), f.share("volatility"), f.decimal("payoff")
	for _, a := range to {
		out.options = append(out.options, accounts.ToProfiles(a.ID))
	}
	if s := f.sizer(); s != nil {
		out.options = append(out.options, accounts.WithSizer(s))
	}
	if f.Is("all", "yes") {
		out.options = append(out.options, accounts.AllOrNone())
	}
	return out
}

// sizer reads how a signal is sized; nil where that is wrong.
func (f *form) sizer() sizing.Sizer {
	i := slices.IndexFunc(sizers, func(s sizerChoice) bool { return s.Key == f.Value("size") })
	if i < 0 {
		f.fail("size", "Choose one of these.")
		return nil
	}
	s := sizers[i]
	f.needed(s.needs...)
	for _, name := range sizeFields {
		if !slices.Contains(s.needs, name) && !slices.Contains(s.may, name) {
			f.without(name, "This does not belong to “"+s.Word+"”: leave it empty.")
		}
	}
	return s.make(f)
}

// signalOf reads a signal that was posted, or is in an address.
func (c *call) signalOf(f *form) (aSignal, []account, error) {
	list, err := c.tradable()
	if err != nil {
		return aSignal{}, nil, err
	}
	if _, err := f.once(); err != nil {
		return aSignal{}, nil, err
	}
	to, err := chosenOf(f, list)
	if err != nil {
		return aSignal{}, nil, err
	}
	return f.signal(to), list, nil
}

// checkSignal says what would come of a signal in each account. Nothing is held, and nothing is
// written.
func checkSignal(c *call) error {
	f, err := c.form("g", signalFields...)
	if err != nil {
		return err
	}
	s, list, err := c.signalOf(f)
	if err != nil {
		return err
	}
	return c.showSignalCheck(http.StatusOK, f, s, list, nil)
}

// showSignalCheck answers with a signal and what would come of it now.
func (c *call) showSignalCheck(status int, f *form, s aSignal, list []account, n *notice) error {
	r, err := c.preview(f, s)
	if err != nil {
		return err
	}
	if r == nil {
		return c.renderSignal(http.StatusUnprocessableEntity, f, list, nil, nil)
	}
	f.spell(baseOf(s.to), knownContracts(s.to...))
	return c.renderSignal(status, f, list, r, n)
}

// baseOf returns the currency of the first account.
func baseOf(list []account) ledger.Currency {
	if len(list) == 0 {
		return "USD"
	}
	return list[0].Currency()
}

// preview says what would come of a signal; nil, with what is wrong in the form, for one that
// cannot be.
func (c *call) preview(f *form, s aSignal) (*routed, error) {
	if !f.ok() {
		return nil, nil
	}
	rows, err := c.page.Manager.Preview(c.ctx, s.Signal, s.options...)
	if f.blame(err, signalNames) {
		return nil, nil
	}
	if errorIsAny(err, accounts.ErrInexact, accounts.ErrInvalid) {
		f.fail("limit", "It cannot be sized with this price: use fewer places.")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fixed := newForm(f.ID)
	for name, values := range f.values {
		fixed.set(name, values...)
	}
	fixed.fix(s.Instrument)
	fixed.set("seen", seenOf(s.to))
	out := c.routedOf(s, rows)
	out.Place = fixed.Hidden(namesWithoutMany(signalFields)...)
	out.Ask = "/signal/place?" + encoded(out.Place)
	return out, nil
}

// namesWithoutMany returns the names of fields without their marks.
func namesWithoutMany(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = strings.TrimSuffix(name, many)
	}
	return out
}

// routedOf puts allocations into words: live accounts first.
func (c *call) routedOf(s aSignal, rows []accounts.Allocation) *routed {
	out := &routed{At: c.clock(c.now), Words: signalWords(s)}
	for _, row := range rows {
		i := slices.IndexFunc(s.to, func(a account) bool { return a.ID == row.ProfileID })
		if i >= 0 {
			out.add(c.routedRow(&s.to[i], &row))
		}
	}
	slices.SortStableFunc(out.Rows, func(a, b routedRow) int {
		switch {
		case a.Live() == b.Live():
			return 0
		case a.Live():
			return -1
		}
		return 1
	})
	return out
}

// add takes a row, and counts it.
func (r *routed) add(row routedRow) {
	r.Rows = append(r.Rows, row)
	if !row.allowed {
		return
	}
	r.Allowed++
	if row.Live() {
		r.Live++
	} else {
		r.Paper++
	}
}

// routedRow puts one account's part into words.
func (c *call) routedRow(a *account, one *accounts.Allocation) routedRow {
	row := routedRow{account: *a, Order: one.Order.ID, allowed: one.Held()}
	g := c.refusalOf(a)
	row.Rules = wordsOf(one.Decision.Violations, g)
	switch {
	case one.Held() && len(one.Decision.Warnings) > 0:
		row.Tag, row.Rules = badge{"warn", "warn", "Allowed, near a limit"}, warnedOf(one.Decision.Warnings, g)
	case one.Held():
		row.Tag = badge{"ok", "ok", "Allowed"}
	case len(row.Rules) > 0:
		row.Tag = badge{"no", "no", "Refused"}
	default:
		row.Tag, row.Then = badge{"no", "warn", "Not asked"}, "It cannot be told at the moment what the account would take."
		c.page.Logger.WarnContext(c.ctx, "an account was not asked about a signal", "profile", string(a.ID), "err", one.Err)
	}
	if !one.Held() || one.Order.Quantity.IsZero() {
		return row
	}
	o := &one.Order
	row.Size = quantity(o.Quantity.Abs())
	at := cmpOr(o.Price, markOf(&a.Snapshot, o.Instrument.Key()))
	if at.IsZero() {
		return row
	}
	worth, unit := at.Mul(o.Quantity.Abs()).Mul(o.Instrument.Multiplier), o.Instrument.Currency
	row.Worth = cents(worth).in(unit)
	if unit == a.Currency() && a.Snapshot.Missing == nil && a.Snapshot.Equity.IsPos() {
		row.Share = percent(worth.InexactFloat64()/a.Snapshot.Equity.InexactFloat64(), 1)
	}
	return row
}

// signalWords returns a signal in words: "Buy XLE at 91.50 or less, today".
func signalWords(s aSignal) string {
	verb := map[accounts.SignalAction]string{accounts.SignalBuy: "Buy", accounts.SignalSell: "Sell", accounts.SignalClose: "Close"}[s.Action]
	terms := termsIn(s.terms, s.Action == accounts.SignalSell)
	if s.Action == accounts.SignalClose && s.terms.Type == broker.LimitOrder {
		terms = "at " + price(s.terms.Limit).String() + " or better" + terms[strings.Index(terms, ","):]
	}
	return verb + " " + nameOf(s.Instrument) + " " + terms
}
