package cpapi

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// contractInfo is the answer of /iserver/contract/{conid}/info.
type contractInfo struct {
	ConID        whole           `json:"con_id"`
	Symbol       text            `json:"symbol"` // of the underlying
	LocalSymbol  text            `json:"local_symbol"`
	TradingClass text            `json:"trading_class"`
	Kind         text            `json:"instrument_type"`
	Currency     ledger.Currency `json:"currency"`
	Multiplier   number          `json:"multiplier"`
	Maturity     text            `json:"maturity_date"`
	Strike       number          `json:"strike"`
	Right        text            `json:"right"`
	Underlying   whole           `json:"underlying_con_id"`
}

// secTypeOf translates IBKR's kind of contract, as package flex does; false for those of which the
// library has no terms, such as combinations.
func secTypeOf(kind text) (ledger.SecType, bool) {
	switch kind {
	case "IOPT": // exchange-traded warrants of an issuer
		return ledger.Warrant, true
	case "FSFOP": // futures-style margined
		return ledger.FutureOption, true
	case "BILL":
		return ledger.Bond, true
	}
	s := ledger.SecType(kind)
	return s, s.Valid()
}

// instrument returns the contract under the key that package flex gives it. future is the local
// symbol of the future that an option on one is on.
func (k *contractInfo) instrument(future string) (ledger.Instrument, error) {
	kind, known := secTypeOf(k.Kind)
	if !known {
		return ledger.Instrument{}, fmt.Errorf("contract %d: kind %.20q: %w", k.ConID, string(k.Kind), errNoTerms)
	}
	local := string(cmp.Or(k.LocalSymbol, k.Symbol))
	i := ledger.Instrument{SecType: kind, Symbol: local, Currency: k.Currency, Multiplier: k.Multiplier.value,
		ConID: int64(k.ConID), LocalSymbol: local}
	if i.IsOption() || kind == ledger.Future {
		i.Expiry, _ = ledger.ParseDate(string(k.Maturity)) // Normalize refuses zero
		i.Underlying = string(k.Symbol)
	}
	if i.IsOption() {
		i.Strike, i.Right = k.Strike.value, rightOf(k.Right)
	}
	switch kind {
	case ledger.Option:
		k.option(&i)
	case ledger.FutureOption:
		i.Symbol, i.Underlying = future, future
	case ledger.Future:
		i.Symbol = string(k.Symbol)
	case ledger.Forex:
		i.Symbol = string(k.Symbol)
	case ledger.Bond: // quoted in per cent
		i.Multiplier = ledger.NewBond(local, k.Currency).Multiplier
	}
	if err := i.Normalize(); err != nil {
		return ledger.Instrument{}, fmt.Errorf("contract %d: %w: %w", k.ConID, ErrUnreadable, err)
	}
	return i, nil
}

// option gives an option the root of its OSI symbol, which is its trading class: SPXW and SPX are
// different contracts on one underlying. An option without an OSI symbol has the underlying's
// symbol, as in statements.
func (k *contractInfo) option(i *ledger.Instrument) {
	osi, err := ledger.ParseOCC(string(k.LocalSymbol))
	switch {
	case err == nil:
		i.Symbol = osi.Symbol
		if i.Strike.IsZero() {
			i.Strike = osi.Strike
		}
		i.Right = cmp.Or(i.Right, osi.Right)
		i.Expiry = cmp.Or(i.Expiry, osi.Expiry)
	case k.LocalSymbol == "" && k.TradingClass != "":
		i.Symbol = string(k.TradingClass)
	default:
		i.Symbol = string(k.Symbol)
	}
}

func rightOf(s text) ledger.Right {
	switch strings.ToUpper(string(s)) {
	case "C", "CALL":
		return ledger.Call
	case "P", "PUT":
		return ledger.Put
	}
	return ""
}

// contracts are the contracts that were looked up, for as long as the client lives. It is safe for
// concurrent use. A contract's id names the same contract for ever.
type contracts struct {
	mu   sync.Mutex
	byID map[int64]ledger.Instrument
	ids  map[ledger.InstrumentKey]int64
}

func (k *contracts) get(conid int64) (ledger.Instrument, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i, found := k.byID[conid]
	return i, found
}

// id returns the id that a key was looked up under.
func (k *contracts) id(key ledger.InstrumentKey) (int64, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id, found := k.ids[key]
	return id, found
}

func (k *contracts) put(conid int64, i ledger.Instrument) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID == nil {
		k.byID = map[int64]ledger.Instrument{}
	}
	k.byID[conid] = i
}

func (k *contracts) found(key ledger.InstrumentKey, conid int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ids == nil {
		k.ids = map[ledger.InstrumentKey]int64{}
	}
	k.ids[key] = conid
}

// instrument looks a contract up by its id. Errors besides those of every call: errNoTerms for a
// contract that the library cannot express.
func (c *Client) instrument(ctx context.Context, conid int64, p priority) (ledger.Instrument, error) {
	if i, found := c.contracts.get(conid); found {
		return i, nil
	}
	if conid <= 0 {
		return ledger.Instrument{}, fmt.Errorf("contract %d: %w: it is no id", conid, ErrUnreadable)
	}
	var k contractInfo
	path := pathOf("iserver", "contract", strconv.FormatInt(conid, 10), "info")
	if err := c.get(ctx, path, nil, p, &k); err != nil {
		return ledger.Instrument{}, err
	}
	if int64(k.ConID) != conid {
		return ledger.Instrument{}, fmt.Errorf("%s: %w: it is about contract %d", path, ErrUnreadable, k.ConID)
	}
	future := ""
	if kind, _ := secTypeOf(k.Kind); kind == ledger.FutureOption {
		on, err := c.instrument(ctx, int64(k.Underlying), p) // a future: it ends here
		if err != nil {
			return ledger.Instrument{}, err
		}
		if on.SecType != ledger.Future {
			return ledger.Instrument{}, fmt.Errorf("%s: %w: it is on no future", path, ErrUnreadable)
		}
		future = on.LocalSymbol
	}
	i, err := k.instrument(future)
	if err == nil {
		c.contracts.put(conid, i)
	}
	return i, err
}

// combination is IBKR's kind of a contract that is several, such as a spread.
const combination = "BAG"

// instrumentOf looks up the contract of a row that names the kind of its contract, or does not. A
// combination has no id of its own to look up.
func (c *Client) instrumentOf(ctx context.Context, kind text, conid whole, p priority) (ledger.Instrument, error) {
	if kind == combination {
		return ledger.Instrument{}, fmt.Errorf("contract %d: kind %s: %w", conid, combination, errNoTerms)
	}
	return c.instrument(ctx, int64(conid), p)
}

// contradiction is the account of a row that names two.
const contradiction = "?"

// sift says whose a row is. A row that names no account is the account's where the login has no
// other; where it has, or where the row contradicts itself, the row may be anybody's: it is
// dropped, and the list is not complete. foreign counts the rows that are dropped.
func (c *Client) sift(of string, id broker.AccountID, foreign *int, complete *bool) (own bool) {
	switch {
	case broker.AccountID(of) == id || of == "" && c.alone(id):
		return true
	case of == "" || of == contradiction:
		*complete = false
	}
	*foreign++
	return false
}

// alone reports whether the account is the only whole one of the login.
func (c *Client) alone(id broker.AccountID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.accounts {
		if a.Kind == broker.WholeAccount && a.ID != id {
			return false
		}
	}
	return true
}
