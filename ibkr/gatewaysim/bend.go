package gatewaysim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// foreignAccount is the account of rows that are nobody's.
const foreignAccount = "U9999999"

// bend does to an answer what a fault does to it.
func (g *Gateway) bend(n *Injection, c *call, a reply) reply {
	c.entry.Faults = append(c.entry.Faults, n.fault.Kind)
	switch n.fault.Kind {
	case HoldAnswer:
		a.holds = append(a.holds, n)
		return a
	case CutAnswer:
		a.cut = true
		return a
	case AnswerStale:
		if before, found := g.answered[c.key()]; found {
			a.body = before
		}
		return a
	}
	if b := g.act(n.fault, c); b.status != 0 || b.drop { // those that struck after the request was processed
		b.holds = a.holds
		return b
	}
	a.body = copied(a.body)
	switch n.fault.Kind {
	case ListEmpty:
		a.body = withRows(a.body, func([]any) []any { return []any{} })
	case ListPartial:
		a.body = withRows(a.body, func(rows []any) []any { return rows[:len(rows)/2] })
	case NewestMissing:
		a.body = withRows(a.body, func(rows []any) []any { return rows[:max(len(rows)-1, 0)] })
	case RowsForeign:
		a.body = withRows(a.body, func(rows []any) []any { return append(rows, foreignRow(rows)) })
	case RowsSegment:
		a.body = withRows(a.body, segmentRows)
	case RowsNoAccount:
		walk(a.body, func(o object) { maps.DeleteFunc(o, func(k string, _ any) bool { return accountFields[k] }) })
	case TypesChanged:
		a.body = retype("", a.body)
	case NumbersOdd:
		a.body = odd("", a.body)
	case RatesInverted:
		walk(a.body, invertRates)
	case ModeWrong:
		walk(a.body, func(o object) {
			if paper, has := o["isPaper"].(bool); has {
				o["isPaper"] = !paper
			}
		})
	case SnapshotsPartial:
		walk(a.body, func(o object) {
			maps.DeleteFunc(o, func(k string, _ any) bool { return k[0] >= '0' && k[0] <= '9' && k != "31" })
		})
	}
	return a
}

// accountFields are those that name the account of a row.
var accountFields = map[string]bool{"acct": true, "account": true, "accountCode": true, "acctId": true, "accountId": true, "acctcode": true,
	"order_clearing_account": true}

// namesAccount reports whether a field of a row names its account. In rows of accounts more fields
// do.
func namesAccount(field string, row object) bool {
	return accountFields[field] || row["accountVan"] != nil && (field == "id" || field == "accountVan" || field == "desc")
}

// key tells requests of the same apart from others.
func (c *call) key() string { return c.path + "?" + c.query.Encode() }

// remember keeps an answer for AnswerStale. What is kept is bounded.
func (g *Gateway) remember(c *call, body any) {
	if g.answered == nil || len(g.answered) >= answersKept {
		g.answered = map[string]any{}
	}
	g.answered[c.key()] = body
}

const answersKept = 1000

// copied returns a deep copy of an answer in which every object is an object and every list a list
// of any.
func copied(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // answers are made of what JSON has
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var out any
	if err := dec.Decode(&out); err != nil {
		panic(err) // it was written two lines above
	}
	return out
}

// withRows changes the rows of an answer: those of a list, or of the list in an object.
func withRows(v any, change func(rows []any) []any) any {
	switch v := v.(type) {
	case []any:
		return change(v)
	case object:
		for _, name := range []string{"orders", "accounts", "secdef", "call", "put"} {
			if rows, isList := v[name].([]any); isList {
				v[name] = change(rows)
			}
		}
	}
	return v
}

// foreignRow returns a row of another account: the first again, or one with accounts alone where
// there is none.
func foreignRow(rows []any) any {
	row := object{"conid": json.Number("1"), "acctId": foreignAccount}
	if len(rows) > 0 {
		first, isObject := rows[0].(object)
		if !isObject {
			return foreignAccount
		}
		row = maps.Clone(first)
	}
	for k := range row {
		if namesAccount(k, row) || k == "submitter" {
			row[k] = foreignAccount
		}
	}
	return row
}

// segmentRows repeats every row under the name of its account's segment.
func segmentRows(rows []any) []any {
	for _, r := range slices.Clone(rows) {
		row, isObject := r.(object)
		if !isObject {
			continue
		}
		row = maps.Clone(row)
		for k, v := range row {
			if id, isText := v.(string); namesAccount(k, row) && isText {
				row[k] = id + "C"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// walk calls do for every object of an answer.
func walk(v any, do func(o object)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(e, do)
		}
	case object:
		do(v)
		for _, e := range v {
			walk(e, do)
		}
	}
}

// retyped are fields that IBKR has sent as a number at one time and as a string at another.
var retyped = map[string]bool{"conid": true, "con_id": true, "orderId": true, "order_id": true, "price": true, "size": true, "strike": true,
	"multiplier": true, "position": true, "commission": true, "net_amount": true, "avgPrice": true, "totalSize": true, "filledQuantity": true,
	"remainingQuantity": true, "filled_quantity": true, "total_size": true, "mktPrice": true, "cashbalance": true, "31": true, "84": true, "86": true}

// retype turns the fields of retyped into the other type, and the sides of trades into the other
// words.
func retype(name string, v any) any {
	switch v := v.(type) {
	case []any:
		for n, e := range v {
			v[n] = retype(name, e)
		}
	case object:
		for k, e := range v {
			v[k] = retype(k, e)
		}
	case json.Number:
		if retyped[name] {
			return v.String()
		}
	case string:
		if words := map[string]string{"BOT": "B", "SLD": "S"}; name == "side" && words[v] != "" {
			return words[v]
		}
		if _, err := ledger.ParseDecimal(v); retyped[name] && err == nil {
			return json.Number(v)
		}
	}
	return v
}

// odd writes numbers with exponents, and numbers in strings with commas.
func odd(name string, v any) any {
	switch v := v.(type) {
	case []any:
		for n, e := range v {
			v[n] = odd(name, e)
		}
	case object:
		for k, e := range v {
			v[k] = odd(k, e)
		}
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.Contains(v.String(), ".") {
			return json.Number(strconv.FormatFloat(f, 'e', -1, 64))
		}
	case string:
		if d, err := ledger.ParseDecimal(v); err == nil && retyped[name] && name != "conid" {
			whole, fraction, _ := strings.Cut(v, ".")
			if fraction != "" {
				fraction = "." + fraction
			}
			if !d.IsNeg() && len(whole) > 3 && len(whole) < 16 {
				return units(ledger.MustDecimal(whole)) + fraction
			}
		}
	}
	return v
}

// invertRates turns exchange rates around.
func invertRates(o object) {
	for _, name := range []string{"rate", "exchangerate"} {
		number, isNumber := o[name].(json.Number)
		if !isNumber {
			continue
		}
		rate, err := ledger.ParseDecimal(number.String())
		if inverse, other := one.Div(rate); err == nil && other == nil {
			o[name] = json.Number(inverse.RoundBank(ratePlaces).String())
		}
	}
}
