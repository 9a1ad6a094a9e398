package ledger

// ScanTrade reads a trade without encoding/json; false if the payload has another form than journals write.
func ScanTrade(data []byte) (*Trade, bool) {
	t := &Trade{}
	return t, t.scan(data)
}

// ScanPoint is ScanTrade for equity points.
func ScanPoint(data []byte) (*EquityPoint, bool) {
	p := &EquityPoint{}
	return p, p.scan(data)
}
