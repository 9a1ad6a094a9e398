package flex

import (
	"fmt"
	"strings"
)

// checkAccount makes sure that no row of another account gets into the statement.
func (b *builder) checkAccount(sec section, r *row) error {
	if b.st.Alias == "" {
		b.st.Alias = b.keep(r.v[fAlias])
	}
	id := r.v[fAccountID]
	switch {
	case id == "":
	case b.st.AccountID == "":
		b.st.AccountID = strings.Clone(id)
	case masked(b.st.AccountID) && !masked(id) && sameAccount(id, b.st.AccountID):
		b.st.AccountID = strings.Clone(wholeAccount(id))
	case !sameAccount(id, b.st.AccountID):
		return &ReadError{Line: r.line, Section: sec.String(), Field: fAccountID.String(), Value: id,
			Err: fmt.Errorf("the statement is of account %.40q", b.st.AccountID)}
	}
	return nil
}

// Of reports whether the statement is of the account, or may be by what it says: it names no
// account, a segment of this one, or an id that is masked and fits.
func (st *Statement) Of(account string) bool {
	return st.AccountID == "" || sameAccount(st.AccountID, account)
}

// Masked reports whether stars stand for digits of the statement's account id, as in U***4567.
func (st *Statement) Masked() bool { return masked(st.AccountID) }

// sameAccount reports whether two ids name one account, or may where one of them is masked.
func sameAccount(a, b string) bool {
	if a == b || wholeAccount(a) == wholeAccount(b) {
		return true
	}
	if masked(b) {
		a, b = b, a
	}
	if !masked(a) || masked(b) {
		return false
	}
	head, tail := a[:strings.IndexByte(a, '*')], a[strings.LastIndexByte(a, '*')+1:]
	return len(b) >= len(head)+len(tail) && strings.HasPrefix(b, head) && strings.HasSuffix(b, tail)
}

// masked reports whether stars stand for digits of the id, as in U***4567.
func masked(id string) bool { return strings.IndexByte(id, '*') >= 0 }

// wholeAccount returns the account of an id that names a segment of it: U1234567 for U1234567F.
// Anything that is not in the broker's form, such as an alias, stays as it is.
func wholeAccount(id string) string {
	n := len(id) - 1
	digits := strings.TrimPrefix(id, "D")
	if len(digits) < 6 || !strings.ContainsRune("UFI", rune(digits[0])) || id[n] < 'A' || id[n] > 'Z' ||
		digitRun(digits[1:]) != len(digits)-2 {
		return id
	}
	return id[:n]
}
