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
