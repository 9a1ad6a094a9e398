package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Ref is the name under which an order is placed: 1 to [MaxRef] letters, digits, dots, hyphens and
// underscores, chosen by the caller of Place. No two orders of a login have the same, on any two
// days: that is for the caller to see to. It comes back in the rows of orders and executions.
type Ref string

// MaxRef is the length of the longest [Ref] in bytes.
const MaxRef = 64

// RefOf returns the reference of a profile's order: the same at every time and in every process,
// and no other order's. It is 32 hexadecimal digits; the profile is in it because all profiles of a
// signal have orders of the same name.
func RefOf(profile accounts.ProfileID, id ledger.OrderID) Ref {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(profile), profile, id)) // the length tells them apart
	return Ref(hex.EncodeToString(sum[:16]))
}

// Valid reports whether the reference can be placed.
func (r Ref) Valid() bool {
	for i := range len(r) {
		c := r[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return len(r) >= 1 && len(r) <= MaxRef
}

// Ticket is an order as it goes to the broker: what is held, and the terms of its execution.
type Ticket struct {
	Ref   Ref        `json:"ref"`
	Order risk.Order `json:"order"` // as held: its Price is [Terms.Worst]
	Terms Terms      `json:"terms"`
}

// Terms are the terms of an order's execution.
type Terms struct {
	Type  OrderType      `json:"type"`
	Limit ledger.Decimal `json:"limit,omitzero"` // of LimitOrder and StopLimitOrder
	Stop  ledger.Decimal `json:"stop,omitzero"`  // of StopOrder and StopLimitOrder: the order waits for this price
	TIF   TimeInForce    `json:"tif"`
	// OutsideHours lets the order fill outside the exchange's regular hours.
	OutsideHours bool `json:"outside_hours,omitempty"`
}

// OrderType says at which price an order fills.
type OrderType string

// The types of order.
const (
	LimitOrder     OrderType = "limit"      // at Limit or better
	MarketOrder    OrderType = "market"     // at whatever the market gives
	StopOrder      OrderType = "stop"       // at the market, once the price reaches Stop
	StopLimitOrder OrderType = "stop_limit" // at Limit or better, once the price reaches Stop
)

// TimeInForce says how long an order works.
type TimeInForce string

// The times in force.
const (
	Day              TimeInForce = "day" // until the end of the trading day
	GoodTillCanceled TimeInForce = "gtc"
)

// Worst returns the price by which an order with the terms is judged and held, the price of
// [risk.Order]: the worst at which it can fill. That is its limit. A stop order has no worst price:
// it is judged by its stop, and by the mark where that is worse. Zero stands for an order at the
// market, which is judged by the mark.
func (t *Terms) Worst() ledger.Decimal {
	switch t.Type {
	case LimitOrder, StopLimitOrder:
		return t.Limit
	case StopOrder:
		return t.Stop
	}
	return ledger.Decimal{}
}

// Validate checks the terms of an order in a contract, and changes nothing. Its error is an
// [invalid.Error] (ErrInvalid) that lists every wrong field. A stop-limit order whose limit is on
// the other side of its stop, so that the order could not fill at the stop, is wrong.
func (t *Terms) Validate(i *ledger.Instrument, quantity ledger.Decimal) error {
	v := &invalid.Error{What: "terms"}
	limits, stops := t.Type == LimitOrder || t.Type == StopLimitOrder, t.Type == StopOrder || t.Type == StopLimitOrder
	v.Check(limits || stops || t.Type == MarketOrder, "Type", "%.20q is unknown", t.Type)
	v.Check(t.TIF == Day || t.TIF == GoodTillCanceled, "TIF", "%.20q is unknown", t.TIF)
	for _, p := range []struct {
		field string
		price ledger.Decimal
		has   bool
	}{{"Limit", t.Limit, limits}, {"Stop", t.Stop, stops}} {
		num.CheckAmount(v, p.field, p.price)
		v.Check(p.has || p.price.IsZero(), p.field, "%s of a %s order", p.price, t.Type)
		v.Check(!p.has || !p.price.IsZero(), p.field, "is missing")
		v.Check(!p.price.IsNeg() || i.SecType == ledger.Future, p.field, "%s is negative", p.price)
	}
	if t.Type == StopLimitOrder {
		crossed := t.Limit.LessThan(t.Stop)
		if quantity.IsNeg() {
			crossed = t.Limit.GreaterThan(t.Stop)
		}
		v.Check(!crossed, "Limit", "%s cannot fill at the stop of %s", t.Limit, t.Stop)
	}
	return v.Err()
}

// Validate checks the ticket, and changes nothing. Errors: ErrInvalid for a wrong field, and
// ledger.ErrInexact for an order whose worth would not be exact.
func (t *Ticket) Validate() error {
	o := t.Order
	if err := o.Normalize(); err != nil {
		return err
	}
	v := &invalid.Error{What: "ticket"}
	v.Check(t.Ref.Valid(), "Ref", "%.80q is not 1 to %d letters, digits, dots, hyphens and underscores", t.Ref, MaxRef)
	v.Check(t.Order.Price.Equal(t.Terms.Worst()), "Order.Price", "%s is not the worst price of the terms, %s",
		t.Order.Price, t.Terms.Worst())
	err := v.Err()
	if err == nil {
		err = t.Terms.Validate(&o.Instrument, o.Quantity)
	}
	if err != nil {
		return fmt.Errorf("order %.60q: %w", o.ID, err)
	}
	return nil
}

// String returns the terms in words that ParseTerms reads: "limit 101.5 day", "stop_limit 101 99.5
// gtc outside".
func (t Terms) String() string {
	words := []string{string(t.Type)}
	if t.Type == LimitOrder || t.Type == StopLimitOrder {
		words = append(words, t.Limit.String())
	}
	if t.Type == StopOrder || t.Type == StopLimitOrder {
		words = append(words, t.Stop.String())
	}
	words = append(words, string(t.TIF))
	if t.OutsideHours {
		words = append(words, "outside")
	}
	return strings.Join(words, " ")
}

// ParseTerms reads what String writes. Its error is ErrInvalid.
func ParseTerms(s string) (t Terms, err error) {
	words := strings.Fields(s)
	next := func() (word string) {
		if len(words) > 0 {
			word, words = words[0], words[1:]
		}
		return word
	}
	price := func() (p ledger.Decimal) {
		if err == nil {
			p, err = ledger.ParseDecimal(next())
		}
		return p
	}
	t.Type = OrderType(next())
	if t.Type == LimitOrder || t.Type == StopLimitOrder {
		t.Limit = price()
	}
	if t.Type == StopOrder || t.Type == StopLimitOrder {
		t.Stop = price()
	}
	t.TIF = TimeInForce(next())
	t.OutsideHours = next() == "outside"
	if err != nil || t.String() != s {
		return Terms{}, fmt.Errorf("%w: terms %.80q", ErrInvalid, s)
	}
	return t, nil
}
