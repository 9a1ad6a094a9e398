package risk_test

import "github.com/ai-ots/accounts/internal/desktest"

// What the tests speak of, by short names.
var (
	wrongFields = desktest.WrongFields
	dec         = desktest.Dec
	loose       = desktest.Loose
)
