package ledger

import (
	"time"

	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/invalid"
)

const maxNote = 500

func checkTime(v *invalid.Error, field string, t time.Time) {
	if y := t.UTC().Year(); t.IsZero() || y < 1900 || y > 9999 {
		v.Add(field, "%s is not within 1900 to 9999", t.Format(time.RFC3339))
	}
}

// id checks what makes a fact idempotent. It is not made up where it is missing: a caller who is
// told that the outcome is unknown could not repeat the fact.
func checkID(v *invalid.Error, id string) {
	v.Check(id != "" && len(id) <= 100 && text.Printable(id, true), "ID", "%.120q is not 1 to 100 printable bytes", id)
}
