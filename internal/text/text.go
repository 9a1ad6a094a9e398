package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

func Symbol(s string) bool {
	return len(s) >= 1 && len(s) <= 50 && Printable(s, true) && !strings.Contains(s, ":") && strings.TrimSpace(s) == s
}

func Digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}

// ASCII reports whether s is printable ASCII, which nearly everything is.
func ASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

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
