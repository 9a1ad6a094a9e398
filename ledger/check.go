package ledger

import (
	"time"

	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/invalid"
)

// maxNote is the length of a cash movement's note at most, in bytes.
const maxNote = 500

// checkTime notes a time outside the years 1900 to 9999.
func checkTime(v *invalid.Error, field string, t time.Time) {
	if y := t.UTC().Year(); t.IsZero() || y < 1900 || y > 9999 {
		v.Add(field, "%s is not within 1900 to 9999", t.Format(time.RFC3339))
	}
}

// checkID notes an id that cannot make a fact idempotent. A missing id is not made up: a caller
// whose outcome is unknown could not repeat the fact.
func checkID(v *invalid.Error, id string) {
	v.Check(id != "" && len(id) <= 100 && text.Printable(id, true), "ID", "%.120q is not 1 to 100 printable bytes", id)
}
