package ledger

import (
	"github.com/ai-ots/accounts/internal/text"
)

// ExecID is the broker's name of one execution. Ids of IBKR's form end in a correction number, such
// as "0000d514.5159662d.01.02": four parts of letters and digits, the last of two digits. The same
// id with a higher number replaces the earlier execution. Ids of any other form are opaque.
type ExecID string

// Correction splits the id into the root that all versions of the execution share and the
// correction number. An id of another form is its own root, with number 0.
func (id ExecID) Correction() (root string, number int) {
	s := string(id)
	n := len(s)
	if n < 8 || s[n-3] != '.' || !text.Digits(s[n-2:]) || !threeParts(s[:n-3]) {
		return s, 0
	}
	return s[:n-3], int(s[n-2]-'0')*10 + int(s[n-1]-'0')
}

// threeParts reports whether s is three parts of letters and digits, separated by points.
func threeParts(s string) bool {
	points, length := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && length > 0:
			points, length = points+1, 0
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			length++
		default:
			return false
		}
	}
	return points == 2 && length > 0
}

// validExecID reports whether the id is 1 to 100 bytes of printable ASCII.
func validExecID(id ExecID) bool { return len(id) >= 1 && len(id) <= 100 && text.ASCII(string(id)) }

// ExecutionKey returns the key of an execution's entry. All versions of the execution share it.
func ExecutionKey(id ExecID) string {
	root, _ := id.Correction()
	return "x:" + root
}

// execution is the newest version of one execution.
type execution struct {
	version    int
	instrument Instrument
	trade      *Trade // nil if it is cancelled
}

// inForce returns the newest version of the execution that the entry at place first recorded as
// was.
func (b *Book) inForce(was *Trade, place int64) execution {
	_, version := was.ExecID.Correction()
	x := execution{version: version, instrument: was.Instrument, trade: was}
	if a, changed := b.changes[place]; changed {
		switch {
		case a.Trade != nil:
			_, x.version = a.Trade.ExecID.Correction()
			x.trade = a.Trade
		case a.Cancellation != nil:
			_, x.version = a.Cancellation.Cancels.Correction()
			x.trade = nil
		}
	}
	return x
}
