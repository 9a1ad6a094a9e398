package ledger

import (
	"strconv"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Instrument is a tradable contract, defined by its terms. Two sources that state the same terms
// name the same contract: Key is made from the terms. ConID and LocalSymbol are the broker's names
// for it, and only hints.
type Instrument struct {
	SecType SecType `json:"sec_type"`
	Symbol  string  `json:"symbol"` // STK: the ticker; OPT: the OSI root; FUT and FOP: the underlying's symbol
	// Currency is that of price, proceeds, commission and P&L.
	Currency   Currency `json:"currency"`
	Underlying string   `json:"underlying,omitempty"`
	Expiry     Date     `json:"expiry,omitzero"` // OPT, FUT, FOP, WAR
	Right      Right    `json:"right,omitempty"` // OPT, FOP, WAR
	Strike     Decimal  `json:"strike,omitzero"` // OPT, FOP, WAR
	// Multiplier is money per point of price. Zero stands for 100 for OPT and 1 for the others,
	// except that FUT and FOP must state it. A bond that is quoted in per cent of its face value
	// has 0.01, and its quantity is the face value; see [NewBond].
	Multiplier Decimal `json:"multiplier,omitzero"`

	ConID int64 `json:"con_id,omitempty"`
	// LocalSymbol of a future is also the Underlying that options on it name.
	LocalSymbol string `json:"local_symbol,omitempty"`
}

// NewStock returns a stock or fund share (SecType STK) that trades in the currency.
func NewStock(symbol string, currency Currency) Instrument {
	return Instrument{SecType: Stock, Symbol: symbol, Currency: currency, Multiplier: num.One}
}

// NewOption returns an equity option on 100 shares. symbol is the OSI root, and the underlying too.
func NewOption(symbol string, expiry Date, right Right, strike Decimal, currency Currency) Instrument {
	return Instrument{SecType: Option, Symbol: symbol, Underlying: symbol, Currency: currency,
		Expiry: expiry, Right: right, Strike: strike, Multiplier: num.Hundred}
}

// NewBond returns a bond or bill that is quoted in per cent of its face value: a quantity is face
// value in the currency, and 5000 at a price of 98.42 are worth 4921.
func NewBond(symbol string, currency Currency) Instrument {
	return Instrument{SecType: Bond, Symbol: symbol, Currency: currency, Multiplier: num.Step(2)}
}

// Key returns the canonical key. It allocates: keep the key where it is needed often. Contracts
// with equal keys are the same contract. A key does not tell whether the terms are valid; see
// Validate.
func (i Instrument) Key() InstrumentKey {
	i.SetDefaults()
	return i.key()
}

// AppendKey appends the bytes of the key of an instrument whose defaults are filled in (see
// SetDefaults). It allocates nothing if b has room.
func (i *Instrument) AppendKey(b []byte) []byte {
	b = append(append(append(b, i.SecType...), ':'), i.Symbol...)
	if i.Expiry != 0 {
		b = strconv.AppendInt(append(b, ':'), int64(i.Expiry), 10)
	}
	if i.Right != "" {
		b = append(append(b, ':'), i.Right...)
		b, _ = i.Strike.AppendText(append(b, ':'))
	}
	if i.Expiry != 0 || i.Multiplier != num.One && !i.Multiplier.Equal(num.One) { // the first is faster
		b, _ = i.Multiplier.AppendText(append(b, ':'))
	}
	return append(append(b, ':'), i.Currency...)
}

// String returns LocalSymbol, or the key if LocalSymbol is empty.
func (i Instrument) String() string {
	if i.LocalSymbol != "" {
		return i.LocalSymbol
	}
	return string(i.Key())
}

// Normalize fills in defaults, trims trailing zeros off the decimals and checks the terms. Its
// error is an [invalid.Error] (invalid.Err) that lists every wrong field.
func (i *Instrument) Normalize() error {
	i.SetDefaults()
	i.Strike, i.Multiplier = num.Trim(i.Strike), num.Trim(i.Multiplier)
	return i.validate()
}

// Complete fills in defaults and checks the terms, as Normalize does, but does not trim decimals.
func (i *Instrument) Complete() error {
	i.SetDefaults()
	return i.validate()
}

// Validate checks the terms as they are with defaults filled in, and does not change the
// instrument. Its error is an [invalid.Error] (invalid.Err) that lists every wrong field.
func (i Instrument) Validate() error {
	i.SetDefaults()
	return i.validate()
}

// SetDefaults fills in Multiplier and, for options and warrants, Underlying where they are empty.
func (i *Instrument) SetDefaults() {
	if i.Multiplier.IsZero() {
		switch i.SecType {
		case Option:
			i.Multiplier = num.Hundred
		case Future, FutureOption:
		default:
			i.Multiplier = num.One
		}
	}
	if i.Underlying == "" && (i.SecType == Option || i.SecType == FutureOption || i.SecType == Warrant) {
		i.Underlying = i.Symbol
	}
}

// key is Key for an instrument whose defaults are filled in.
func (i *Instrument) key() InstrumentKey {
	return InstrumentKey(i.AppendKey(make([]byte, 0, 48)))
}

// validate is Validate for an instrument whose defaults are filled in.
func (i *Instrument) validate() error {
	v := invalid.Error{What: "instrument"}
	if !i.SecType.Valid() {
		v.Add("SecType", "%.20q is unknown", i.SecType)
	}
	if !text.Symbol(i.Symbol) {
		v.Add("Symbol", "%.60q is not 1 to 50 printable characters without a colon", i.Symbol)
	}
	if i.Underlying != "" && i.Underlying != i.Symbol && !text.Symbol(i.Underlying) {
		v.Add("Underlying", "%.60q is not 1 to 50 printable characters without a colon", i.Underlying)
	}
	if len(i.LocalSymbol) > 100 || !text.Printable(i.LocalSymbol, true) {
		v.Add("LocalSymbol", "%.60q is not at most 100 printable characters", i.LocalSymbol)
	}
	if !i.Currency.Valid() {
		v.Add("Currency", "%.20q is not three capital letters", i.Currency)
	}
	if i.SecType == Forex && (!Currency(i.Symbol).Valid() || Currency(i.Symbol) == i.Currency) {
		v.Add("Symbol", "%.20q is no currency other than %s", i.Symbol, i.Currency)
	}
	num.CheckPositive(&v, "Multiplier", i.Multiplier)
	i.validateTerms(&v)
	return v.Err()
}

// validateTerms checks expiry, right and strike. Options and warrants have all three, futures have
// an expiry, and other contracts have none.
func (i *Instrument) validateTerms(v *invalid.Error) {
	option := i.IsOption()
	switch {
	case (option || i.SecType == Future) && !i.Expiry.Valid():
		v.Add("Expiry", "%d is no date", i.Expiry)
	case !option && i.SecType != Future && i.Expiry != 0:
		v.Add("Expiry", "%s does not belong to %s", i.Expiry, i.SecType)
	}
	switch {
	case option && i.Right != Call && i.Right != Put:
		v.Add("Right", "%.20q is neither C nor P", i.Right)
	case !option && i.Right != "":
		v.Add("Right", "%.20q does not belong to %s", i.Right, i.SecType)
	}
	switch {
	case option:
		num.CheckPositive(v, "Strike", i.Strike)
	case !i.Strike.IsZero():
		v.Add("Strike", "%s does not belong to %s", i.Strike, i.SecType)
	}
}

// SettlesNotional reports whether a buyer pays the full price. Buyers of futures and CFDs pay only
// differences: their P&L reaches cash when it is realized.
func (i *Instrument) SettlesNotional() bool { return i.SecType != Future && i.SecType != CFD }

// IsOption reports whether the contract is an option or a warrant. Exercise or assignment moves its
// premium into the underlying.
func (i *Instrument) IsOption() bool {
	return i.SecType == Option || i.SecType == FutureOption || i.SecType == Warrant
}

// AppendJSON appends a comma if one is needed, the quoted name, a colon, and the instrument as a
// JSON object in the journal's canonical form.
func (i *Instrument) AppendJSON(b []byte, name string) []byte {
	b = append(wire.AppendName(b, name), '{')
	b = wire.AppendString(b, "sec_type", i.SecType, false)
	b = wire.AppendString(b, "symbol", i.Symbol, false)
	b = wire.AppendString(b, "currency", i.Currency, false)
	b = wire.AppendString(b, "underlying", i.Underlying, true)
	if i.Expiry != 0 {
		b = wire.AppendString(b, "expiry", i.Expiry.String(), false)
	}
	b = wire.AppendString(b, "right", i.Right, true)
	b = wire.AppendDecimal(b, "strike", i.Strike, true)
	b = wire.AppendDecimal(b, "multiplier", i.Multiplier, true)
	b = wire.AppendInt(b, "con_id", i.ConID, true)
	b = wire.AppendString(b, "local_symbol", i.LocalSymbol, true)
	return append(b, '}')
}

// scan reads what AppendJSON writes.
func (i *Instrument) scan(s *wire.Scanner, name string) {
	if !s.Open(name) {
		return
	}
	i.SecType = SecType(s.String("sec_type"))
	i.Symbol = s.String("symbol")
	i.Currency = Currency(s.String("currency"))
	i.Underlying = s.String("underlying")
	s.Text("expiry", &i.Expiry)
	i.Right = Right(s.String("right"))
	s.Text("strike", &i.Strike)
	s.Text("multiplier", &i.Multiplier)
	i.ConID = s.Int("con_id")
	i.LocalSymbol = s.String("local_symbol")
	s.Close()
}

// SecType is IBKR's name for a kind of contract.
type SecType string

// The kinds of contract, in IBKR's vocabulary.
const (
	Stock        SecType = "STK"
	Option       SecType = "OPT"
	Future       SecType = "FUT"
	FutureOption SecType = "FOP"
	Forex        SecType = "CASH" // a currency pair: Symbol is bought, Currency is paid
	CFD          SecType = "CFD"
	Warrant      SecType = "WAR"
	Bond         SecType = "BOND"
	Fund         SecType = "FUND"
	Crypto       SecType = "CRYPTO"
)

// Valid reports whether the kind is one of the constants.
func (s SecType) Valid() bool {
	switch s {
	case Stock, Option, Future, FutureOption, Forex, CFD, Warrant, Bond, Fund, Crypto:
		return true
	}
	return false
}

// Right is an option's right.
type Right string

// The rights.
const (
	Call Right = "C"
	Put  Right = "P"
)
