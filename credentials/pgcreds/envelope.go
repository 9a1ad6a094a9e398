package pgcreds

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// row is one field of a set, encrypted; the one without a name is the manifest of all of them.
type row struct {
	Field  string `db:"field"`
	KeyID  int64  `db:"key_id"`
	Sealed []byte `db:"sealed"`
}

// vault encrypts and decrypts rows. What keeps them together is a random number of each Put: it is
// in the manifest, with the names of all fields, and in every field's associated data. So a field
// that was left out, added, or kept from another Put shows.
type vault struct {
	aead    tink.AEAD
	schema  pgschema.Name // where the rows are
	primary uint32
	known   map[uint32]bool // the ids of the keys that can decrypt
}

// putSize is the size of a Put's number.
const putSize = 16

// newVault returns accounts.ErrInvalid for a keyset without key ids in its ciphertexts, by which is
// known which key is still needed.
func newVault(h *keyset.Handle, schema pgschema.Name) (*vault, error) {
	if h.Len() == 0 {
		return nil, fmt.Errorf("%w: keyset is empty", accounts.ErrInvalid)
	}
	info := h.KeysetInfo()
	v := &vault{schema: schema, primary: info.GetPrimaryKeyId(), known: map[uint32]bool{}}
	for _, k := range info.GetKeyInfo() {
		if k.GetStatus() != tinkpb.KeyStatusType_ENABLED {
			continue
		}
		if k.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK {
			return nil, fmt.Errorf("%w: key %d of the keyset does not put its id before what it encrypts", accounts.ErrInvalid, k.GetKeyId())
		}
		v.known[k.GetKeyId()] = true
	}
	var err error
	if v.aead, err = aead.New(h); err != nil {
		return nil, fmt.Errorf("%w: keyset has a key that is not for authenticated encryption", accounts.ErrInvalid)
	}
	return v, nil
}

// place is what a row is bound to: it opens nowhere else.
type place struct {
	schema pgschema.Name
	login  accounts.LoginKey // once the id of a profile, whose own login it is now
	field  string
	put    []byte // the number of the Put; none for a manifest
}

// The formats of what a row is bound to.
const (
	unboundFormat = 1 // without the schema: read, and never written
	boundFormat   = 2
)

// associated returns the place as associated data. No two places have the same, since what has no
// fixed length comes after its length.
func (p place) associated(format byte) []byte {
	b := []byte{format}
	add := func(part string) { b = append(binary.AppendUvarint(b, uint64(len(part))), part...) }
	if format == boundFormat {
		add(string(p.schema))
	}
	add(string(p.login))
	add(p.field)
	return append(b, p.put...)
}

// at returns the place of a login's field. The kind is no part of it: a set's own field says which
// it is, so that rows written before there were kinds open.
func (v *vault) at(key accounts.LoginKey, field string, put []byte) place {
	return place{v.schema, key, field, put}
}

// manifest is what the row without a name holds.
func manifest(put []byte, names []string) []byte {
	b := slices.Clone(put)
	for _, name := range names {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	return b
}

// seal returns the rows of credentials, the manifest first, all under the primary key.
func (v *vault) seal(key accounts.LoginKey, c credentials.Set) ([]row, error) {
	put := make([]byte, putSize)
	_, _ = rand.Read(put) // never fails
	names := slices.Sorted(maps.Keys(c))
	rows := make([]row, 0, 1+len(c))
	add := func(field string, plain, put []byte) error {
		defer clear(plain)
		r, err := v.encrypt(plain, v.at(key, field, put))
		rows = append(rows, r)
		return err
	}
	if err := add("", manifest(put, names), nil); err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := add(name, c[name].Reveal(), put); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// open returns the credentials that rows were made of. They are the rows of a login's kind in order
// of their names. ErrUnreadable if they are not all of one Put, or of another kind.
func (v *vault) open(key accounts.LoginKey, kind credentials.Kind, rows []row) (credentials.Set, error) {
	if len(rows) == 0 || rows[0].Field != "" {
		return nil, fmt.Errorf("%w: the list of their fields is missing", ErrTampered)
	}
	put, listed, err := v.openManifest(key, rows[0])
	if err != nil {
		return nil, err
	}
	fields := rows[1:]
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Field
	}
	if !bytes.Equal(listed, manifest(nil, names)) {
		return nil, fmt.Errorf("%w: a field is missing or was added", ErrTampered)
	}
	c := make(credentials.Set, len(fields))
	for _, r := range fields {
		plain, err := v.decrypt(r, v.at(key, r.Field, put))
		if err != nil {
			return nil, err
		}
		c[r.Field] = credentials.NewSecret(plain)
		clear(plain)
	}
	if c.Kind() != kind {
		c.Wipe()
		return nil, fmt.Errorf("%w: they are of another kind", ErrTampered)
	}
	return c, nil
}

// openManifest returns the number of the Put and the encoded names of its fields.
func (v *vault) openManifest(key accounts.LoginKey, r row) (put, names []byte, err error) {
	plain, err := v.decrypt(r, v.at(key, "", nil))
	if err == nil && len(plain) < putSize {
		err = fmt.Errorf("%w: the list of their fields is too short", ErrTampered)
	}
	if err != nil {
		return nil, nil, err
	}
	return plain[:putSize], plain[putSize:], nil
}

// reseal returns the row of the field encrypted under the primary key. put is the number of the
// set's Put.
func (v *vault) reseal(key accounts.LoginKey, r row, put []byte) (row, error) {
	if r.Field == "" {
		put = nil
	}
	at := v.at(key, r.Field, put)
	plain, err := v.decrypt(r, at)
	if err != nil {
		return row{}, err
	}
	defer clear(plain)
	return v.encrypt(plain, at)
}

func (v *vault) encrypt(plain []byte, at place) (row, error) {
	sealed, err := v.aead.Encrypt(plain, at.associated(boundFormat))
	if err != nil {
		return row{}, fmt.Errorf("encrypt field %q: %w", at.field, err)
	}
	return row{Field: at.field, KeyID: int64(v.primary), Sealed: sealed}, nil
}

func (v *vault) decrypt(r row, at place) ([]byte, error) {
	key, ok := keyOf(r.Sealed)
	if !ok || int64(key) != r.KeyID {
		return nil, fmt.Errorf("%w: field %.100q is under another key than recorded", ErrTampered, r.Field)
	}
	if !v.known[key] {
		return nil, fmt.Errorf("%w: field %.100q is under key %d", ErrUnknownKey, r.Field, key)
	}
	plain, err := v.aead.Decrypt(r.Sealed, at.associated(boundFormat))
	if err != nil {
		plain, err = v.aead.Decrypt(r.Sealed, at.associated(unboundFormat))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: field %.100q does not decrypt", ErrTampered, r.Field)
	}
	return plain, nil
}

// keyOf reads Tink's prefix: a byte that says that there is one, and the key's id.
func keyOf(sealed []byte) (uint32, bool) {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:]), true
}
