package cpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// base is the currency of the ledger's row of sums.
const baseRow = "BASE"

// ledgerRow is what the ledger says of one currency.
type ledgerRow struct {
	Account  string `json:"acctcode"`
	Currency string `json:"currency"`
	Cash     number `json:"cashbalance"`
	Settled  number `json:"settledcash"`
	Worth    number `json:"netliquidationvalue"`
	Stocks   number `json:"stockmarketvalue"`
	Rate     number `json:"exchangerate"`
	Time     whole  `json:"timestamp,omitempty"`

	// What else is worth something, and what open futures have gained.
	Options   number `json:"stockoptionmarketvalue,omitzero"`
	Issuer    number `json:"issueroptionsmarketvalue,omitzero"`
	FOP       number `json:"futureoptionmarketvalue,omitzero"`
	Warrants  number `json:"warrantsmarketvalue,omitzero"`
	Corporate number `json:"corporatebondsmarketvalue,omitzero"`
	TBonds    number `json:"tbondsmarketvalue,omitzero"`
	TBills    number `json:"tbillsmarketvalue,omitzero"`
	Funds     number `json:"funds,omitzero"`
	Money     number `json:"moneyfunds,omitzero"`
	Metals    number `json:"commoditymarketvalue,omitzero"`
	Crypto    number `json:"cryptocurrencyvalue,omitzero"`
	Interest  number `json:"interest,omitzero"`
	Dividends number `json:"dividends,omitzero"`
	Futures   number `json:"futuresonlypnl,omitzero"`
}

// cash returns the cash with what open futures have gained in it. Whether the row's cash has the
// gain already is not documented: it has where the row's other values, without the gain, add up to
// what the row is worth, more nearly than with it.
func (r *ledgerRow) cash() ledger.Decimal {
	gain := r.Futures.value
	if gain.IsZero() || !r.Worth.told {
		return r.Cash.value
	}
	rest := r.Worth.value.Sub(r.Cash.value)
	for _, n := range []number{r.Stocks, r.Options, r.Issuer, r.FOP, r.Warrants, r.Corporate, r.TBonds, r.TBills, r.Funds, r.Money,
		r.Metals, r.Crypto, r.Interest, r.Dividends} {
		rest = rest.Sub(n.value)
	}
	if rest.Sub(gain).Abs().LessThan(rest.Abs()) {
		return r.Cash.value.Add(gain)
	}
	return r.Cash.value
}

// decodeLedger reads the ledger, by currency.
func decodeLedger(r *reply) (map[string]ledgerRow, error) {
	rows := map[string]ledgerRow{}
	if err := r.decode(&rows); err != nil {
		return nil, err
	}
	for name, row := range rows {
		if row.Currency = cmp.Or(row.Currency, name); row.Currency != name || !row.Cash.told {
			return nil, fmt.Errorf("%s: %w: %.10q has no cash, or is about another currency", r.path, ErrUnreadable, name)
		}
		rows[name] = row
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: %w: it has no currency", r.path, ErrUnreadable)
	}
	return rows, nil
}

// Cash implements [broker.Broker]. A rate is there only where the sums of the ledger prove what it
// means. The sums also tell whether the cash has the gain of open futures in it; where it has not,
// the gain is added.
func (c *Client) Cash(ctx context.Context, id broker.AccountID) (broker.Answer[broker.Balance], error) {
	out := broker.Answer[broker.Balance]{}
	a, err := c.beginOf(ctx, id)
	if err != nil {
		return out, err
	}
	if err := c.prepare(ctx); err != nil {
		return out, c.seen(err)
	}
	out.AsOf = c.now()
	r, _, err := c.do(ctx, request{method: http.MethodGet, path: pathOf("portfolio", string(id), "ledger"), priority: prioRest})
	if err != nil {
		return out, err
	}
	rows, err := decodeLedger(r)
	if err != nil {
		return out, c.seen(err)
	}
	out.Complete = true
	for name, row := range rows {
		if !c.sift(row.Account, id, &out.Foreign, &out.Complete) {
			out.Complete = false // there is one row for each currency
			delete(rows, name)
		}
	}
	if out.Foreign > 0 && len(rows) == 0 {
		return out, fmt.Errorf("ledger of account %s: all rows are another account's: %w", id, broker.ErrForeignAccount)
	}
	out.List = balances(rows, a.Currency)
	return out, nil
}

// balances returns the cash by currency, with rates, ordered by currency.
func balances(rows map[string]ledgerRow, base ledger.Currency) []broker.Balance {
	worth := rateOf(rows)
	var out []broker.Balance
	for name, row := range rows {
		b := broker.Balance{Currency: ledger.Currency(name), Cash: row.cash()}
		if name == baseRow || !b.Currency.Valid() {
			continue
		}
		if row.Settled.told {
			b.Settled = &row.Settled.value
		}
		switch {
		case b.Currency == base:
			b.Rate = num.One
		case worth != nil && row.Rate.told && row.Rate.value.IsPos():
			b.Rate = worth(row.Rate.value)
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(x, y broker.Balance) int { return cmp.Compare(x.Currency, y.Currency) })
	return out
}

// rateOf returns what turns an exchangerate into the worth of one unit in the base currency: the
// rate itself, or its inverse. The documentation and the name differ about it, so the sums decide:
// what the currencies have, converted, is what BASE has. It returns nil if the sums decide for
// neither, or for both.
func rateOf(rows map[string]ledgerRow) func(ledger.Decimal) ledger.Decimal {
	direct := func(r ledger.Decimal) ledger.Decimal { return r }
	inverse := func(r ledger.Decimal) ledger.Decimal {
		d, err := num.One.Div(r)
		if err != nil {
			return ledger.Decimal{}
		}
		return d.RoundBank(num.MoneyPlaces)
	}
	asIs, turned := sumsUp(rows, direct), sumsUp(rows, inverse)
	switch {
	case asIs && !turned:
		return direct
	case turned && !asIs:
		return inverse
	}
	return nil
}

// sumsUp reports whether each sum over the currencies, converted, is BASE's, to a thousandth: the
// rates of the rows are a moment apart.
func sumsUp(rows map[string]ledgerRow, worth func(ledger.Decimal) ledger.Decimal) bool {
	total, found := rows[baseRow]
	if !found {
		return false
	}
	for _, column := range []func(*ledgerRow) number{
		func(r *ledgerRow) number { return r.Cash }, func(r *ledgerRow) number { return r.Worth },
		func(r *ledgerRow) number { return r.Stocks },
	} {
		sum, gross := ledger.Decimal{}, ledger.Decimal{}
		for name, row := range rows {
			if name == baseRow || !row.Rate.value.IsPos() {
				continue
			}
			part := num.Convert(column(&row).value, worth(row.Rate.value))
			sum, gross = sum.Add(part), gross.Add(part.Abs())
		}
		off := sum.Sub(column(&total).value).Abs()
		if off.GreaterThan(num.Convert(gross, num.Step(3)).Add(num.One)) {
			return false
		}
	}
	return true
}
