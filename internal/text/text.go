// Package text checks names and texts that come from outside. Its functions keep no state and are
// safe for concurrent use.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable reports whether s is valid UTF-8 of printable characters. spaces allows the space, and
// no other white space.
func Printable(s string, spaces bool) bool {
	if ASCII(s) && (spaces || !strings.Contains(s, " ")) {
		return true
	}
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || (r == ' ' && !spaces) {
			return false
		}
	}
	return true
}

// ASCII reports whether s is printable ASCII, spaces included.
func ASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Digits reports whether s is one or more digits.
func Digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}

// Symbol reports whether s is 1 to 50 printable bytes without a colon, and without spaces at its
// ends.
func Symbol(s string) bool {
	return len(s) >= 1 && len(s) <= 50 && Printable(s, true) && !strings.Contains(s, ":") && strings.TrimSpace(s) == s
}
