package httpapi

import (
	"strings"

	"github.com/ai-ots/accounts"
)

// Rights is a set of rights. The zero Rights permit nothing.
type Rights uint8

// The rights. Each route needs one; the description says which.
const (
	Read       Rights = 1 << iota // profiles, books, performance and events
	Check                         // ask whether an order would be accepted
	Trade                         // place and cancel orders, route signals, choose the active profile
	Halt                          // halt trading, and let it only reduce
	Resume                        // let trading go on
	Record                        // import statements
	Administer                    // profiles, limits, credentials and links
)

// AllRights are all rights there are.
const AllRights = Read | Check | Trade | Halt | Resume | Record | Administer

// rightNames are the names of the rights, in ascending order.
var rightNames = [...]string{"read", "check", "trade", "halt", "resume", "record", "administer"}

// Has reports whether all of the rights are in the set.
func (r Rights) Has(all Rights) bool { return r&all == all }

// String returns the names of the rights, with commas between them.
func (r Rights) String() string {
	var names []string
	for i, name := range rightNames {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// Caller is who makes a request, for whom, and with what rights.
type Caller struct {
	// Name is who calls, for logs: a user or a program. It is no secret.
	Name string
	// Owner is whose profiles the caller sees; see [accounts.WithOwner]. Empty in a system without
	// owners: then the caller sees every profile, and a manager made with RequireOwner refuses the
	// request.
	Owner accounts.OwnerID
	// System shows the caller every owner's profiles, whatever Owner is; see [accounts.AsSystem].
	System bool
	Rights Rights
}

// same reports whether two callers see the same.
func (c Caller) same(d Caller) bool {
	return c.Name == d.Name && c.Owner == d.Owner && c.System == d.System && d.Rights.Has(Read)
}
