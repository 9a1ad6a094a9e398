package performance

import (
	"encoding/json"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// Curve is the equity of a profile in a window, point by point, for a chart. Its points are those
// that [History.Report] of the same window is worked out from.
type Curve struct {
	Currency ledger.Currency `json:"currency"` // of Equity: the profile's base currency
	Points   []CurvePoint    `json:"points"`   // in the order of their times
	// Indexed is true if every point has an Index. A return that is not defined, such as one from
	// an equity of zero, leaves the whole window without.
	Indexed bool `json:"indexed"`
}

// MarshalJSON writes an empty list as [].
func (c Curve) MarshalJSON() ([]byte, error) {
	type plain Curve
	c.Points = wire.List(c.Points)
	return json.Marshal(plain(c))
}

// CurvePoint is one equity point of a Curve.
type CurvePoint struct {
	Time   time.Time      `json:"time"` // UTC
	Equity ledger.Decimal `json:"equity"`
	// Index is what 1 at the first point has become by time-weighted return: deposits and
	// withdrawals do not move the index. Zero unless the curve is indexed, and after a total loss.
	Index float64 `json:"index"`
}

// Curve returns the equity points of a window, of any number. It returns invalid.Err for a window
// that is not valid. Its cost is in proportion to the number of points.
func (h History) Curve(w Window) (Curve, error) {
	if err := w.Validate(); err != nil {
		return Curve{}, err
	}
	points := within(h.points, w)
	out := Curve{Currency: h.base, Points: make([]CurvePoint, len(points))}
	for i, p := range points {
		out.Points[i] = CurvePoint{Time: p.at, Equity: p.equity}
	}
	if steps, sound := stepsOf(points); sound && len(points) > 0 {
		out.Indexed = true
		for i, v := range indexOf(points, steps) {
			out.Points[i].Index = v.value
		}
	}
	return out, nil
}
