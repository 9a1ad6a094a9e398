package sizing_test

import "github.com/ai-ots/accounts/internal/desktest"

// What the tests speak of, by short names.
var (
	dec = desktest.Dec
)
