package ledger

// Currency is a three-letter code in capitals, such as USD or CNH.
type Currency string

// Valid reports whether the code is three capital letters.
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
