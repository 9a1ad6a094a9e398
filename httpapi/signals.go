package httpapi

import (
	"reflect"
	"slices"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

var signalRoutes = []route{
	{method: "POST", path: "/signals", id: "routeSignal", tag: "signals", right: Trade,
		text:   "Make orders of one signal in many profiles: sized to each, checked against the limits of each, held, and sent where a connection works the account.",
		more:   "The signal's id is the idempotency key: the same signal makes no second order. An allocation has a problem where there is no order.",
		params: []param{{name: "dry_run", in: "query", text: "Say what would come of the signal, and change nothing.", schema: schema{Type: types{"boolean"}}}},
		action: with(routeSignal),
		sample: `{"id":"s-1","instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"action":"buy","price":"41.25","sizer":{"kind":"fixed_fraction","fraction":"0.05"}}`},
}

// sizerRequest is how a signal is sized.
type sizerRequest struct {
	Kind     sizerKind      `json:"kind"`
	Fraction ledger.Decimal `json:"fraction,omitzero" doc:"Of equity, for fixed_fraction and confidence_weighted; the profile's limit of an order's exposure if left out."`
	Amount   ledger.Decimal `json:"amount,omitzero" doc:"In base currency, for fixed_notional."`
	Target   ledger.Decimal `json:"target,omitzero" doc:"Annualized volatility of equity, for volatility_target."`
	Part     ledger.Decimal `json:"part,omitzero" doc:"Of the Kelly fraction, for fractional_kelly."`
	Max      ledger.Decimal `json:"max,omitzero" doc:"Fraction of equity at most, for volatility_target and fractional_kelly."`
}

// sizerKind names a sizer.
type sizerKind string

func (sizerKind) describe(*reflector) *schema {
	return &schema{Type: types{"string"}, Enum: []string{"fixed_fraction", "fixed_notional", "confidence_weighted", "volatility_target", "fractional_kelly"}}
}

// sizer returns the sizer. A figure of another sizer is a wrong field.
func (s *sizerRequest) sizer() (sizing.Sizer, error) {
	own := sizerRequest{Kind: s.Kind}
	var out sizing.Sizer
	switch s.Kind {
	case "fixed_fraction":
		own.Fraction, out = s.Fraction, sizing.FixedFraction{Fraction: s.Fraction}
	case "fixed_notional":
		own.Amount, out = s.Amount, sizing.FixedNotional{Amount: s.Amount}
	case "confidence_weighted":
		own.Fraction, out = s.Fraction, sizing.ConfidenceWeighted{Fraction: s.Fraction}
	case "volatility_target":
		own.Target, own.Max, out = s.Target, s.Max, sizing.VolatilityTarget{Target: s.Target, Max: s.Max}
	default:
		own.Part, own.Max, out = s.Part, s.Max, sizing.FractionalKelly{Part: s.Part, Max: s.Max}
	}
	var wrong []FieldError
	all, mine := reflect.ValueOf(*s), reflect.ValueOf(own)
	for i := 1; i < all.NumField(); i++ {
		given, taken := all.Field(i).Interface().(ledger.Decimal), mine.Field(i).Interface().(ledger.Decimal)
		if !given.Equal(taken) {
			wrong = append(wrong, FieldError{"sizer." + jsonName(all.Type(), all.Type().Field(i).Name), codeUnknown, "does not belong to " + string(s.Kind)})
		}
	}
	if len(wrong) > 0 {
		return nil, invalidFields(wrong...)
	}
	return out, nil
}

// signalRequest is a signal as a client sends it.
type signalRequest struct {
	accounts.Signal
	Sizer     *sizerRequest        `json:"sizer,omitempty" doc:"fixed_fraction of each profile's limit if left out."`
	Profiles  []accounts.ProfileID `json:"profiles,omitempty" doc:"Only these profiles, in this order; all active ones if left out."`
	AllOrNone bool                 `json:"all_or_none,omitempty" doc:"Let every order go if any profile refuses."`
	TIF       broker.TimeInForce   `json:"tif,omitempty" doc:"How long the orders work; day if left out."`
}

// allocation is the outcome of a signal in one profile.
type allocation struct {
	ProfileID accounts.ProfileID `json:"profile_id"`
	Order     risk.Order         `json:"order"`
	Decision  risk.Decision      `json:"decision"`
	Held      bool               `json:"held" doc:"The order's exposure is held."`
	Sent      bool               `json:"sent" doc:"The order went to the broker now."`
	Problem   *Problem           `json:"problem,omitempty" doc:"Why there is no order, or why it was not sent."`
}

type allocationList struct {
	Allocations []allocation `json:"allocations"`
}

func routeSignal(c *call, in *signalRequest) (*allocationList, error) {
	opts := []accounts.RouteOption{}
	if in.Sizer != nil {
		s, err := in.Sizer.sizer()
		if err != nil {
			return nil, err
		}
		opts = append(opts, accounts.WithSizer(s))
	}
	if in.Profiles != nil {
		for i, id := range in.Profiles {
			if id == "" || !nameable(string(id)) || len(in.Profiles) > maxPage || slices.Contains(in.Profiles[:i], id) {
				return nil, invalidFields(FieldError{"profiles", codeValue, "names a profile that cannot be, or one twice, or too many"})
			}
		}
		opts = append(opts, accounts.ToProfiles(in.Profiles...))
	}
	if in.AllOrNone {
		opts = append(opts, accounts.AllOrNone())
	}
	routing := c.api.Manager.Route
	if c.flag("dry_run") {
		routing = c.api.Manager.Preview
	}
	list, err := routing(c.ctx, in.Signal, opts...)
	if err != nil {
		return nil, err
	}
	out := &allocationList{Allocations: []allocation{}}
	for _, a := range list {
		row := allocation{ProfileID: a.ProfileID, Order: a.Order, Decision: a.Decision, Held: a.Held(), Problem: c.part(a.Err)}
		if row.Held && !c.flag("dry_run") {
			c.send(in, &row)
		}
		out.Allocations = append(out.Allocations, row)
	}
	return out, nil
}

// send sends the order of an allocation, if an engine works the account. An order that is held
// since before is sent too, unless it was sent then.
func (c *call) send(in *signalRequest, row *allocation) {
	engine := c.api.Engine(row.ProfileID)
	if engine == nil {
		return
	}
	terms := broker.Terms{Type: broker.MarketOrder, TIF: in.TIF}
	if !row.Order.Price.IsZero() {
		terms.Type, terms.Limit = broker.LimitOrder, row.Order.Price
	}
	if terms.TIF == "" {
		terms.TIF = broker.Day
	}
	_, err := engine.Submit(c.ctx, row.ProfileID, row.Order, terms)
	row.Sent = err == nil
	if !errorIsAny(err, accounts.ErrDispatched) { // it was sent before, and no error
		row.Problem = c.part(err)
	}
}
