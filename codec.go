package accounts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// payloadVersion is written into every payload as "v". A reader refuses a version it does not know.
const payloadVersion = 1

// encodePayload appends the payload as JSON. What it writes is what encoding/json would write, in
// a fraction of the time: recording is the hot path, reading back is not.
func encodePayload(b []byte, p payload) []byte {
	b = append(b, `{"v":`...)
	b = strconv.AppendInt(b, payloadVersion, 10)
	return append(p.appendFields(b), '}')
}

// Decode returns the entry's payload: a *Trade, *CashMovement, *Split, *Opening, *EquityPoint,
// *Amendment, *Restatement, *Hold, *Release, *Refusal, *Breach, *StateChange, *PolicyChange or *CredentialAccess. An unknown kind or version and anything unreadable is a
// *CorruptError (ErrCorrupt).
func (e *Entry) Decode() (any, error) {
	p, err := decodePayload(e.Kind, e.Payload)
	if err != nil {
		return nil, &CorruptError{ProfileID: e.ProfileID, Seq: e.Seq, Reason: err.Error()}
	}
	return p, nil
}

func decodePayload(kind EntryKind, data []byte) (payload, error) {
	switch kind {
	case KindTrade:
		t, err := decodeAs[Trade](data)
		if err == nil {
			t.derive()
		}
		return t, err
	case KindCash:
		return decodeAs[CashMovement](data)
	case KindSplit:
		return decodeAs[Split](data)
	case KindOpening:
		return decodeAs[Opening](data)
	case KindEquity:
		return decodeAs[EquityPoint](data)
	case KindAmendment:
		a, err := decodeAs[Amendment](data)
		if err == nil {
			err = a.check()
		}
		return a, err
	case KindRestatement:
		r, err := decodeAs[Restatement](data)
		if err == nil {
			err = r.check()
		}
		return r, err
	case KindHold:
		h, err := decodeAs[Hold](data)
		if err == nil {
			h.key = h.Order.Instrument.Key()
		}
		return h, err
	case KindRelease:
		return decodeAs[Release](data)
	case KindRefusal:
		return decodeAs[Refusal](data)
	case KindBreach:
		return decodeAs[Breach](data)
	case KindState:
		return decodeAs[StateChange](data)
	case KindAccess:
		return decodeAs[CredentialAccess](data)
	case KindPolicy:
		c, err := decodeAs[PolicyChange](data)
		if err == nil {
			if _, err = c.Limits.location(); err != nil {
				err = fmt.Errorf("time zone %w", err)
			}
		}
		return c, err
	}
	return nil, fmt.Errorf("unknown kind %.40q", kind)
}

// check makes sure that a fold can take the amendment.
func (a *Amendment) check() error {
	n := 0
	for _, is := range []bool{a.Trade != nil, a.Split != nil, a.Opening != nil, a.Cancellation != nil} {
		if is {
			n++
		}
	}
	if n != 1 || a.Place < 1 {
		return fmt.Errorf("amendment of %d facts at place %d", n, a.Place)
	}
	return nil
}

// check makes sure that the lots of every position add up to it.
func (r *Restatement) check() error {
	for i := range r.Positions {
		p := &r.Positions[i]
		var quantity Decimal
		for _, l := range p.Lots {
			quantity = quantity.Add(l.Quantity)
			if l.Quantity.IsNeg() != p.Quantity.IsNeg() {
				return fmt.Errorf("restatement of %s has a lot of %s in a position of %s", p.Instrument.Key(), l.Quantity, p.Quantity)
			}
		}
		if !quantity.Equal(p.Quantity) {
			return fmt.Errorf("restatement of %s: lots of %s in a position of %s", p.Instrument.Key(), quantity, p.Quantity)
		}
	}
	return nil
}

// decodeAs reads a payload that begins with its version, as encodePayload writes it. It is strict:
// a field this library does not know might matter.
func decodeAs[T any](data []byte) (*T, error) {
	const prefix = `{"v":`
	if !bytes.HasPrefix(data, []byte(prefix)) {
		return nil, fmt.Errorf("payload does not begin with its version: %.20q", data)
	}
	comma := bytes.IndexByte(data, ',')
	if comma < 0 {
		return nil, fmt.Errorf("payload has no fields: %.20q", data)
	}
	if v := string(data[len(prefix):comma]); v != strconv.Itoa(payloadVersion) {
		return nil, fmt.Errorf("payload version %.20q, this library reads %d", v, payloadVersion)
	}
	body := append([]byte{'{'}, data[comma+1:]...)
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	out := new(T)
	if err := dec.Decode(out); err != nil {
		return nil, fmt.Errorf("unreadable payload: %w", err)
	}
	if dec.InputOffset() != int64(len(body)) {
		return nil, fmt.Errorf("payload goes on behind its end")
	}
	return out, nil
}

// appendString appends a comma, the field's name and a string, unless it is empty and optional.
func appendString[S ~string](b []byte, name string, s S, optional bool) []byte {
	if s == "" && optional {
		return b
	}
	b = appendName(b, name)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(string(s)) // a string always marshals
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' && b[len(b)-1] != '[' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), '"', ':')
}

// appendDecimal appends a decimal as a string, unless it is zero and optional.
func appendDecimal(b []byte, name string, d Decimal, optional bool) []byte {
	if d.IsZero() {
		if optional {
			return b
		}
		return append(appendName(b, name), `"0"`...)
	}
	b = append(appendName(b, name), '"')
	b, _ = d.AppendText(b) // never fails
	return append(b, '"')
}

func appendTime(b []byte, name string, t time.Time) []byte {
	b = append(appendName(b, name), '"')
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}

func appendInt(b []byte, name string, n int64, optional bool) []byte {
	if n == 0 && optional {
		return b
	}
	return strconv.AppendInt(appendName(b, name), n, 10)
}

func (i *Instrument) appendObject(b []byte, name string) []byte {
	b = append(appendName(b, name), '{')
	b = appendString(b, "sec_type", i.SecType, false)
	b = appendString(b, "symbol", i.Symbol, false)
	b = appendString(b, "currency", i.Currency, false)
	b = appendString(b, "underlying", i.Underlying, true)
	if i.Expiry != 0 {
		b = appendString(b, "expiry", i.Expiry.String(), false)
	}
	b = appendString(b, "right", i.Right, true)
	b = appendDecimal(b, "strike", i.Strike, true)
	b = appendDecimal(b, "multiplier", i.Multiplier, true)
	b = appendInt(b, "con_id", i.ConID, true)
	b = appendString(b, "local_symbol", i.LocalSymbol, true)
	return append(b, '}')
}

func (t *Trade) appendFields(b []byte) []byte {
	b = appendString(b, "exec_id", t.ExecID, false)
	b = appendString(b, "order_id", t.OrderID, true)
	b = appendString(b, "kind", t.Kind, true)
	b = t.Instrument.appendObject(b, "instrument")
	b = appendDecimal(b, "quantity", t.Quantity, false)
	b = appendDecimal(b, "price", t.Price, false)
	b = appendDecimal(b, "proceeds", t.Proceeds, true)
	b = appendDecimal(b, "commission", t.Commission, true)
	b = appendString(b, "commission_currency", t.CommissionCurrency, true)
	b = appendDecimal(b, "taxes", t.Taxes, true)
	b = appendDecimal(b, "fx_rate", t.FXRate, true)
	return appendTime(b, "time", t.Time)
}

func (m *CashMovement) appendFields(b []byte) []byte {
	b = appendString(b, "id", m.ID, false)
	b = appendString(b, "kind", m.Kind, false)
	b = appendString(b, "currency", m.Currency, false)
	b = appendDecimal(b, "amount", m.Amount, false)
	b = appendDecimal(b, "fx_rate", m.FXRate, true)
	b = appendString(b, "symbol", m.Symbol, true)
	b = appendString(b, "note", m.Note, true)
	return appendTime(b, "time", m.Time)
}

func (p *EquityPoint) appendFields(b []byte) []byte {
	b = appendTime(b, "time", p.Time)
	b = appendDecimal(b, "equity", p.Equity, false)
	b = appendDecimal(b, "cash", p.Cash, false)
	b = appendDecimal(b, "realized", p.Realized, false)
	b = appendDecimal(b, "unrealized", p.Unrealized, false)
	return appendDecimal(b, "capital", p.Capital, false)
}

// appendRare is appendFields for payloads that are rare enough for encoding/json.
func appendRare(b []byte, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // nothing in a payload can fail to marshal; a reader would refuse this
		return b
	}
	return append(append(b, ','), data[1:len(data)-1]...)
}

// appendJSON appends a value as encoding/json writes it.
func appendJSON(b []byte, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // as above
		return append(b, "null"...)
	}
	return append(b, data...)
}

func (s *Split) appendFields(b []byte) []byte       { return appendRare(b, s) }
func (o *Opening) appendFields(b []byte) []byte     { return appendRare(b, o) }
func (a *Amendment) appendFields(b []byte) []byte   { return appendRare(b, a) }
func (r *Restatement) appendFields(b []byte) []byte { return appendRare(b, r) }

// sortedKeys returns a map's keys in ascending order.
func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
