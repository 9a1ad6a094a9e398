package httpapi

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// The sizes of a page.
const (
	defaultPage = 100
	maxPage     = 500
)

// itoa writes a number.
func itoa(n int) string { return strconv.Itoa(n) }

// cursor returns the cursor of the page behind a place in a list.
func cursor(list, after string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + ":" + after))
}

// after returns the place behind which the page of a call begins; "" for the first page. A cursor
// of another list is a wrong parameter.
func (c *call) after(list string) (string, error) {
	text := c.query("cursor")
	if text == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	after, ours := strings.CutPrefix(string(raw), list+":")
	if err != nil || !ours || !nameable(after) {
		return "", invalidFields(FieldError{"cursor", codeFormat, "is no cursor of this list"})
	}
	return after, nil
}

// afterSeq is after for a list by the numbers of entries.
func (c *call) afterSeq(list string) (int64, error) {
	text, err := c.after(list)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, invalidFields(FieldError{"cursor", codeFormat, "is no cursor of this list"})
	}
	return n, nil
}

// seqCursor is cursor for a list by the numbers of entries.
func seqCursor(list string, seq int64) string { return cursor(list, strconv.FormatInt(seq, 10)) }

// cut returns the first page of a list that was read one item beyond the page, and whether there is
// more.
func cut[T any](list []T, limit int) ([]T, bool) {
	if len(list) > limit {
		return list[:limit], true
	}
	return list, false
}

// clone returns a copy of a list, and an empty list for nil.
func clone[T any](list []T) []T { return append(make([]T, 0, len(list)), slices.Clone(list)...) }
