package accounts

import (
	"context"
	"fmt"

	"github.com/ai-ots/accounts/performance"
)

// Curve returns the equity points of the window with the time-weighted index at each, as they are
// after all restatements. It reads the journal as Performance does, with the same errors.
func (p *Portfolio) Curve(ctx context.Context, w performance.Window) (performance.Curve, error) {
	err := w.Validate()
	var h performance.History
	if err == nil {
		h, err = p.performanceHistory(ctx)
	}
	var out performance.Curve
	if err == nil {
		out, err = h.Curve(w)
	}
	if err != nil {
		return performance.Curve{}, fmt.Errorf("curve of profile %q: %w", p.id, err)
	}
	return out, nil
}
