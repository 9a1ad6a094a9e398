package pgstore

import (
	"context"
	"fmt"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// preview counts what adopt would adopt.
func (a *adopter) preview(ctx context.Context, p *accounts.Portfolio) error {
	if err := a.previewPositions(ctx, p); err != nil {
		return reason(ctx, err)
	}
	named, err := a.namesUsers(ctx)
	if err == nil && named {
		a.done.Trades, err = get[int64](ctx, a.Store,
			`SELECT count(*) FROM trading.trades WHERE account_profile_id IS NULL AND user_id::text = $1`, a.rows.UserID)
	}
	if err == nil && a.rows.Signals {
		a.done.Signals, err = get[int64](ctx, a.Store, `SELECT count(*) FROM trading.signals WHERE account_profile_id IS NULL`)
	}
	return reason(ctx, err)
}

func (a *adopter) previewPositions(ctx context.Context, p *accounts.Portfolio) error {
	seen := sides{} // of all rows: those of earlier batches are not in the book
	for last := int64(0); ; {
		rows, err := list[legacyRow](ctx, a.Store, legacyPositions, a.rows.UserID, last, a.rows.BatchSize)
		if err != nil || len(rows) == 0 {
			return err
		}
		a.batch = legacyRows(rows)
		openings, err := a.openings(p, seen)
		if err == nil {
			err = a.checkUnused(ctx, openings)
		}
		if err != nil {
			return err
		}
		last = a.batch[len(a.batch)-1].ID
		a.done.Positions += int64(len(a.batch))
		a.done.Openings += int64(len(openings))
	}
}

// checkUnused returns ErrInvalid unless every opening could be recorded, and the journal has none
// of its id.
func (a *adopter) checkUnused(ctx context.Context, openings []ledger.Opening) error {
	keys := make([]string, len(openings))
	for i := range openings {
		if _, err := ledger.Normalize(openings[i]); err != nil {
			return fmt.Errorf("opening %q: %w", openings[i].ID, err)
		}
		keys[i] = "o:" + openings[i].ID
	}
	used, err := a.Lookup(ctx, a.id, keys)
	for i := range openings {
		if seq, is := used[keys[i]]; is {
			return fmt.Errorf("%w: entry %d is an opening balance %q already", accounts.ErrInvalid, seq, openings[i].ID)
		}
	}
	return err
}
