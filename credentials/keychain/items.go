package keychain

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zalando/go-keyring"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

// itemSize is how many bytes of a value an item holds: 1,600 are 2,136 in base64, which every
// platform takes. Windows has 2,560 at most, macOS some 3,000 with the names.
const itemSize = 1600

// maxItems bounds what is read for one value: the sets of five kinds.
const maxItems = 5 * 2 * credentials.MaxSize / itemSize

// items are values of any size under names. A value is one item under its name, the head, which
// says which parts are the value's. Parts are of one of two generations. A write puts them into the
// one that the head does not name, then writes the head, and then removes the generation before:
// whenever that ends, the head's parts are complete. What it leaves of the other generation is
// removed by the next write, or by the removal of the value, for the keychain cannot tell what
// there is: parts have names that are known, and are written upwards and removed downwards, so that
// those that are left are the first ones.
type items struct {
	ring    ring
	service string
}

// head is the item that makes parts a value.
type head struct {
	Version int    `json:"v"`
	Name    string `json:"name"`  // of the parts' generation, to which a part adds its number
	Parts   int    `json:"parts"` // how many
	Sum     string `json:"sum"`   // SHA-256 of the value
}

func (h *head) part(n int) string { return partName(h.Name, n) }

func partName(generation string, n int) string { return fmt.Sprint(generation, ".", n) }

// generations returns the names of a value's two generations.
func generations(name string) [2]string { return [2]string{name + ".a", name + ".b"} }

// isGeneration reports whether parts of the value may be under the name. Earlier versions gave
// every write a generation of its own, with a random number.
func isGeneration(generation, name string) bool {
	two := generations(name)
	random, found := strings.CutPrefix(generation, name+".")
	return slices.Contains(two[:], generation) || found && len(random) == 16
}

// errCorrupt says that a value is not what was written.
func errCorrupt(what string) error { return fmt.Errorf("%w: %s", accounts.ErrCorrupt, what) }

func (i items) get(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	value, err := i.ring.Get(i.service, name)
	return value, unavailable(err)
}

func (i items) set(ctx context.Context, name, value string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return unavailable(i.ring.Set(i.service, name, value))
}

func (i items) delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := i.ring.Delete(i.service, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return unavailable(err)
}

// unavailable gives the keychain's errors their sentinel; a miss stays one.
func unavailable(err error) error {
	if err == nil || errors.Is(err, keyring.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// head returns the head of a value; keyring.ErrNotFound where there is none.
func (i items) head(ctx context.Context, name string) (*head, error) {
	text, err := i.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return parseHead(text, name)
}

// parseHead reads a head. Whatever the keychain holds, what is returned names parts of this value.
func parseHead(text, name string) (*head, error) {
	var h head
	if json.Unmarshal([]byte(text), &h) != nil || h.Version != 1 || h.Parts < 1 || h.Parts > maxItems ||
		!isGeneration(h.Name, name) {
		return nil, errCorrupt("item " + name + " is none of ours")
	}
	return &h, nil
}

func (i items) exists(ctx context.Context, name string) (bool, error) {
	_, err := i.get(ctx, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (i items) read(ctx context.Context, name string) ([]byte, error) {
	h, err := i.head(ctx, name)
	if err != nil {
		return nil, err
	}
	var value []byte
	for n := range h.Parts {
		text, err := i.get(ctx, h.part(n))
		if errors.Is(err, keyring.ErrNotFound) {
			return nil, errCorrupt(fmt.Sprintf("part %d of %d is missing", n+1, h.Parts))
		}
		if err != nil {
			return nil, err
		}
		part, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errCorrupt(fmt.Sprintf("part %d of %d cannot be read", n+1, h.Parts))
		}
		value = append(value, part...)
	}
	if sum := sha256.Sum256(value); hex.EncodeToString(sum[:]) != h.Sum {
		return nil, errCorrupt("parts are not those that were written together")
	}
	return value, nil
}

// write puts a value in place of the one before. accounts.ErrInvalid for one of more than maxItems
// parts.
func (i items) write(ctx context.Context, name string, value []byte) error {
	if len(value) > maxItems*itemSize {
		return fmt.Errorf("%w: %d bytes are more than the %d of a keychain's value", accounts.ErrInvalid, len(value), maxItems*itemSize)
	}
	before, err := i.head(ctx, name)
	if err != nil && !errors.Is(err, keyring.ErrNotFound) && !errors.Is(err, accounts.ErrCorrupt) {
		return err
	}
	two := generations(name)
	fresh, other := two[0], two[1]
	if before != nil && before.Name == fresh {
		fresh, other = other, fresh
	}
	if err := i.sweep(ctx, fresh); err != nil { // what an interrupted write left
		return err
	}
	sum := sha256.Sum256(value)
	h := head{Version: 1, Name: fresh, Sum: hex.EncodeToString(sum[:])}
	for part := range slices.Chunk(value, itemSize) {
		if err := i.set(ctx, h.part(h.Parts), base64.StdEncoding.EncodeToString(part)); err != nil {
			return err
		}
		h.Parts++
	}
	text, err := json.Marshal(h)
	if err == nil {
		err = i.set(ctx, name, string(text))
	}
	if err != nil {
		return err
	}
	return i.removeParts(ctx, before, other)
}

// removeParts removes the parts of a head that no longer counts, if there was one, and whatever is
// left of the generations.
func (i items) removeParts(ctx context.Context, h *head, left ...string) error {
	if h != nil { // its generation was swept before it was written: there are no other parts
		if err := i.drop(ctx, h.Name, h.Parts); err != nil {
			return err
		}
	}
	for _, generation := range left {
		if h != nil && generation == h.Name {
			continue
		}
		if err := i.sweep(ctx, generation); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes whatever there is of a generation.
func (i items) sweep(ctx context.Context, generation string) error {
	parts := 0
	for ; parts < maxItems; parts++ {
		there, err := i.exists(ctx, partName(generation, parts))
		if err != nil {
			return err
		}
		if !there {
			break
		}
	}
	return i.drop(ctx, generation, parts)
}

// drop removes so many parts of a generation, the last first.
func (i items) drop(ctx context.Context, generation string, parts int) error {
	for n := parts - 1; n >= 0; n-- {
		if err := i.delete(ctx, partName(generation, n)); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a value, its head first: without it the parts are no value. What an interrupted
// call left is removed by the next, which finds no head.
func (i items) remove(ctx context.Context, name string) error {
	h, err := i.head(ctx, name)
	if err != nil && !errors.Is(err, keyring.ErrNotFound) && !errors.Is(err, accounts.ErrCorrupt) {
		return err
	}
	if err := i.delete(ctx, name); err != nil {
		return err
	}
	two := generations(name)
	return i.removeParts(ctx, h, two[:]...)
}

// itemName is the name of a login's item. Keys may hold anything; names should not. The word is
// from when every login was a profile's.
func itemName(key accounts.LoginKey) string {
	return "profile-" + base64.RawURLEncoding.EncodeToString([]byte(key))
}

// read returns the credentials of every kind that the login has; accounts.ErrCredentialsNotFound
// where there are none.
func (s *Store) read(ctx context.Context, key accounts.LoginKey) (kinds, error) {
	packed, err := s.items.read(ctx, itemName(key))
	defer clear(packed)
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return nil, accounts.ErrCredentialsNotFound
	case err != nil:
		return nil, err
	}
	return unpack(packed)
}

// write puts the credentials in place of all that the login has.
func (s *Store) write(ctx context.Context, key accounts.LoginKey, k kinds) error {
	packed := pack(k)
	defer clear(packed)
	return s.items.write(ctx, itemName(key), packed)
}

// indexName is that of the item that lists the logins.
const indexName = "index"

// noted returns the logins that may have credentials, in ascending order.
func (s *Store) noted(ctx context.Context) ([]accounts.LoginKey, error) {
	text, err := s.items.read(ctx, indexName)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil, nil
	}
	var ids [][]byte // as base64: ids may be no UTF-8
	if err == nil && json.Unmarshal(text, &ids) != nil {
		err = errCorrupt("the list of logins cannot be read")
	}
	if err != nil {
		return nil, err
	}
	list := make([]accounts.LoginKey, len(ids))
	for i, id := range ids {
		list[i] = accounts.LoginKey(id)
	}
	slices.Sort(list)
	return list, nil
}

func (s *Store) saveNoted(ctx context.Context, list []accounts.LoginKey) error {
	ids := make([][]byte, len(list))
	for i, id := range list {
		ids[i] = []byte(id)
	}
	text, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return s.items.write(ctx, indexName, text)
}

// note adds a login to the list.
func (s *Store) note(ctx context.Context, id accounts.LoginKey) error {
	list, err := s.noted(ctx)
	if err != nil || slices.Contains(list, id) {
		return err
	}
	return s.saveNoted(ctx, append(list, id))
}

// forget takes a login off the list.
func (s *Store) forget(ctx context.Context, id accounts.LoginKey) error {
	list, err := s.noted(ctx)
	if err != nil || !slices.Contains(list, id) {
		return err
	}
	return s.saveNoted(ctx, slices.DeleteFunc(list, func(other accounts.LoginKey) bool { return other == id }))
}

// kinds are the credentials of one login.
type kinds map[credentials.Kind]credentials.Set

func (k kinds) wipe() {
	for _, c := range k {
		c.Wipe()
	}
}

// plain is credentials as JSON has them: values in base64, as they are any bytes.
type plain map[string][]byte

func (p plain) clear() {
	for _, b := range p {
		clear(b)
	}
}

// pack writes credentials as JSON, by kind.
func pack(k kinds) []byte {
	all := make(map[credentials.Kind]plain, len(k))
	for kind, c := range k {
		all[kind] = make(plain, len(c))
		for name, s := range c {
			all[kind][name] = s.Reveal()
		}
	}
	text, err := json.Marshal(all)
	for _, p := range all {
		p.clear()
	}
	if err != nil { // strings and bytes always marshal
		return nil
	}
	return text
}

// unpack reads what pack wrote, or an earlier version: the credentials of one kind, without the
// kind.
func unpack(text []byte) (kinds, error) {
	var all map[credentials.Kind]plain
	if json.Unmarshal(text, &all) != nil {
		var one plain
		if json.Unmarshal(text, &one) != nil {
			return nil, errCorrupt("credentials cannot be read")
		}
		all = map[credentials.Kind]plain{credentials.Kind(one["kind"]): one}
	}
	k := make(kinds, len(all))
	for kind, p := range all {
		k[kind] = make(credentials.Set, len(p))
		for name, b := range p {
			k[kind][name] = credentials.NewSecret(b)
		}
		p.clear()
	}
	for kind, c := range k {
		if len(c) == 0 || c.Kind() != kind {
			k.wipe()
			return nil, errCorrupt("credentials are of another kind than is said")
		}
	}
	if len(k) == 0 {
		return nil, errCorrupt("there are no credentials")
	}
	return k, nil
}
