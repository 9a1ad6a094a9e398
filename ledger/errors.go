package ledger

import (
	"errors"

	"github.com/ai-ots/accounts/internal/num"
)

// ErrInvalidDecimal is returned for a text that is not a plain decimal number in range.
var ErrInvalidDecimal = errors.New("invalid decimal")

// ErrCurrencyMismatch is returned for an amount or a rate in another currency than its contract or
// account needs.
var ErrCurrencyMismatch = errors.New("currency mismatch")

// ErrExecutionMismatch is returned for a correction that names another contract than the execution
// it corrects.
var ErrExecutionMismatch = errors.New("correction does not fit its execution")

// ErrIDReused is returned for a fact or an order with the id of another one in the journal that
// states something else. The same fact again is no error.
var ErrIDReused = errors.New("id belongs to another fact")

// ErrPositionNotFound is returned for a split of a contract that is not held.
var ErrPositionNotFound = errors.New("position not found")

// ErrInexact is returned for quantities, prices, multipliers or ratios whose product would not be
// exact.
var ErrInexact = num.ErrInexact
