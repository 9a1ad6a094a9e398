package flex

import (
	"fmt"
	"iter"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// Base returns the statement's base currency: as it says, else the one whose rate to base is 1,
// else USD.
func (st *Statement) Base() ledger.Currency {
	if st.BaseCurrency != "" {
		return st.BaseCurrency
	}
	for currency, rate := range st.eachRate() {
		if rate.Equal(unit) {
			return currency
		}
	}
	return "USD"
}

// eachRate yields the rates to base that the rows tell of their currencies, those of trades first.
func (st *Statement) eachRate() iter.Seq2[ledger.Currency, ledger.Decimal] {
	return func(yield func(ledger.Currency, ledger.Decimal) bool) {
		see := func(c ledger.Currency, rate ledger.Decimal) bool { return rate.IsZero() || yield(c, rate) }
		for _, t := range st.Trades.All() {
			if !see(t.Currency, t.FXRate) {
				return
			}
		}
		for i := range st.Cash {
			if !see(st.Cash[i].Currency, st.Cash[i].FXRate) {
				return
			}
		}
		for i := range st.Positions {
			if !see(st.Positions[i].Currency, st.Positions[i].FXRate) {
				return
			}
		}
		for i := range st.CorporateActions {
			if !see(st.CorporateActions[i].Currency, st.CorporateActions[i].FXRate) {
				return
			}
		}
		for i := range st.Transfers {
			if !see(st.Transfers[i].Currency, st.Transfers[i].FXRate) {
				return
			}
		}
	}
}

// ErrBaseCurrency is returned by Import for a statement whose rates are to another base currency
// than the profile's. It matches accounts.ErrCurrencyMismatch.
var ErrBaseCurrency = fmt.Errorf("%w: statement in another base currency", accounts.ErrCurrencyMismatch)

// checkBase returns ErrBaseCurrency for a statement whose rates are to another currency than
// base. A book would take them for rates to its own.
func (st *Statement) checkBase(base ledger.Currency) error {
	varies, rated := map[ledger.Currency]bool{}, len(st.rates) > 0 // whether a currency has a rate that is not 1
	for currency, rate := range st.eachRate() {
		varies[currency], rated = varies[currency] || !rate.Equal(unit), true
	}
	if st.BaseCurrency != "" {
		if st.BaseCurrency != base && rated {
			return otherBase(string(st.BaseCurrency), base)
		}
		return nil
	}
	if moves, told := varies[base]; told {
		if moves && len(varies) > 1 { // alone its rates do no harm: the book needs none of its own currency
			return otherBase("another currency", base)
		}
		return nil
	}
	for currency, moves := range varies {
		if !moves {
			return otherBase(string(currency), base)
		}
	}
	return nil
}

func otherBase(is string, base ledger.Currency) error {
	return fmt.Errorf("%w: its rates are to %s, and the book is kept in %s: let the query leave fxRateToBase out",
		ErrBaseCurrency, is, base)
}
