package flex

import "bytes"

// notAStatement names a file that is something else, by its first bytes; empty for what may be a
// statement.
func notAStatement(text []byte) string {
	for _, kind := range []struct{ begins, is string }{
		{"%PDF", "a PDF file: export the statement as CSV, or a Flex query as XML or CSV"},
		{"PK\x03\x04", "a ZIP archive or a spreadsheet: unpack it, or export as CSV or XML"},
		{"\x1f\x8b", "a gzip archive: unpack it"},
		{"{", "JSON, and not a statement: export a Flex query as XML or CSV"},
		{"[{", "JSON, and not a statement: export a Flex query as XML or CSV"},
		{"<!DOCTYPE HTML", "a web page, and not a statement: export a Flex query as XML or CSV"},
		{"<HTML", "a web page, and not a statement: export a Flex query as XML or CSV"},
		{"!TYPE:", "a QIF file, and not a statement: export a Flex query as XML or CSV"},
		{"OFXHEADER", "an OFX file, and not a statement: export a Flex query as XML or CSV"},
	} {
		if len(text) >= len(kind.begins) && bytes.EqualFold(text[:len(kind.begins)], []byte(kind.begins)) {
			return kind.is
		}
	}
	return ""
}
