package ledger

// Currency is a code of three capital letters, such as USD or CNH (ISO 4217 and the broker's own).
type Currency string

// Valid reports whether the code is three capital letters. It looks the code up nowhere.
func (c Currency) Valid() bool {
	if len(c) != 3 {
		return false
	}
	for i := range 3 {
		if c[i] < 'A' || c[i] > 'Z' {
			return false
		}
	}
	return true
}

// Places returns the number of places after the point with which amounts of the currency are
// written: the minor unit of ISO 4217, 2 for most currencies, 0 for JPY, 3 for KWD.
func (c Currency) Places() int {
	switch c {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
		"VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}

// Format returns an amount of the currency for people to read, without the code: rounded half to
// even at Places, such as "-1234.50" for USD and "-1234" for JPY. Write figures that are compared
// or sent on in full instead.
func (c Currency) Format(amount Decimal) string {
	places := uint8(c.Places())
	return amount.RoundBank(places).StringFixed(places)
}
