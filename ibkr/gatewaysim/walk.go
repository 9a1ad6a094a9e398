package gatewaysim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Walk moves the prices of contracts at random, by the market's clock and by a seed alone: the same
// seed moves them in the same way.
type Walk struct {
	Seed  uint64
	Every time.Duration // between two moves; a second if zero
	// Volatility is the standard deviation of a move, as a fraction of the price; 0.0005 if zero.
	Volatility float64
	// Spread is the distance of bid and ask, as a fraction of the price; 0.0002 if zero. It is a
	// cent at least.
	Spread float64
}

// Walk begins to move the prices of contracts from where they are. It goes on for as long as the
// market does, in hours in which contracts trade. It returns ErrUnknown for a contract without a
// price.
func (m *Market) Walk(w Walk, conids ...int64) error {
	m.lock()
	defer m.mu.Unlock()
	if w.Every == 0 {
		w.Every = time.Second
	}
	if w.Every < 0 || w.Volatility < 0 || w.Spread < 0 {
		return fmt.Errorf("walk: a distance below zero")
	}
	if w.Volatility == 0 {
		w.Volatility = 0.0005
	}
	if w.Spread == 0 {
		w.Spread = 0.0002
	}
	for _, id := range conids {
		if m.mark(id).IsZero() {
			return fmt.Errorf("walk of contract %d: %w", id, ErrUnknown)
		}
	}
	random := rand.New(rand.NewPCG(w.Seed, w.Seed)) // #nosec: prices are no secrets
	var step func()
	step = func() {
		m.after(w.Every, step)
		if !m.open(true) {
			return
		}
		for _, id := range conids {
			m.setQuote(id, w.next(m.quotes[id].Mark, random.NormFloat64()))
		}
	}
	m.after(w.Every, step)
	return nil
}

// next returns the quote after a move from a price.
func (w *Walk) next(from ledger.Decimal, move float64) Quote {
	price := from.InexactFloat64() * math.Exp(move*w.Volatility)
	middle := max(math.Round(price*100), 2) // in cents, so that the bid is above zero
	away := max(math.Round(middle*w.Spread/2), 1)
	at := func(c float64) ledger.Decimal { return ledger.MustDecimal(fmt.Sprintf("%.2f", c/100)) }
	return Quote{Bid: at(middle - away), Ask: at(middle + away), Last: at(middle)}
}
