// Package pgschema is what the packages that keep tables in PostgreSQL have in common: schemas of
// any name, migrations, which of the server's errors means what, and whether a pooler is in
// between.
package pgschema

import (
	"fmt"
	"regexp"

	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
)

// Default is where tables are unless the caller says otherwise.
const Default Name = "trading"

// Name is the name of the schema in which the tables are.
type Name string

// namePattern is what goes without quotes. Stranger names exist, but nobody needs one here.
var namePattern = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,49}$`)

// Validate returns accounts.ErrInvalid for a name that is not 1 to 50 lower-case letters, digits
// and underscores.
func (n Name) Validate() error {
	if !namePattern.MatchString(string(n)) {
		return fmt.Errorf("%w: schema name %.80q is not 1 to 50 lower-case letters, digits and underscores", accounts.ErrInvalid, string(n))
	}
	return nil
}

// word is how every statement and migration names the schema.
var word = regexp.MustCompile(`\btrading\b`)

// In returns the statement for the schema: text that is written for schema trading, as it stands in
// the migrations, so that they can be read and run without this program. Nothing but a validated
// and quoted name ever gets into a statement.
func (n Name) In(statement string) string {
	if n == Default {
		return statement
	}
	return word.ReplaceAllLiteralString(statement, pq.QuoteIdentifier(string(n)))
}
