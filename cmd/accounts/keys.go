package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/ai-ots/accounts/credentials/pgcreds"
)

// keysetVariable has a keyset in the clear.
const keysetVariable = "ACCOUNTS_KEYSET"

// keysetFlags say where the keyset is under which credentials are encrypted. It is never an
// argument.
type keysetFlags struct{ file string }

func (k *keysetFlags) add(set *flag.FlagSet) {
	set.StringVar(&k.file, "keyset-file", "",
		"the `file` of the keyset under which credentials are encrypted; $"+keysetVariable+" holds the keyset otherwise")
}

// named reports whether a keyset is.
func (k *keysetFlags) named(env func(string) string) bool {
	return k.file != "" || env(keysetVariable) != ""
}

func (k *keysetFlags) read(env func(string) string) (*keyset.Handle, error) {
	switch {
	case k.file != "":
		return pgcreds.ReadKeyset(k.file)
	case env(keysetVariable) != "":
		return pgcreds.KeysetFromEnv(keysetVariable)
	}
	return nil, usage("no keyset is named: give -keyset-file, or set $%s", keysetVariable)
}

// withCredentials gives f the credential store, and closes it behind f.
func (e *call) withCredentials(ctx context.Context, k *keysetFlags, f func(*pgcreds.Store, *keyset.Handle) error) (err error) {
	keys, err := k.read(e.env)
	if err != nil {
		return err
	}
	dsn, err := e.db.name(e.env)
	if err != nil {
		return err
	}
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return errors.New("the data source name cannot be read") // the driver's error may quote the password
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := pgcreds.New(ctx, db, keys, pgcreds.WithSchema(e.db.schema))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f(s, keys)
}

// keyState is one key, of the keyset or of rows.
type keyState struct {
	ID      uint32 `json:"id"`
	Keyset  bool   `json:"in_keyset"`
	Primary bool   `json:"primary"`
	Rows    int64  `json:"rows"` // that are under it
}

// keyReport is what the commands about keys answer.
type keyReport struct {
	Keys      []keyState `json:"keys"`
	Rewritten int64      `json:"rewritten"`
	plan      bool
}

// found reports whether rows are under other keys than the primary one.
func (r *keyReport) found() bool { return r.left() > 0 }

// left counts the rows that are under other keys than the primary one.
func (r *keyReport) left() (rows int64) {
	for _, k := range r.Keys {
		if !k.Primary {
			rows += k.Rows
		}
	}
	return rows
}

func (r *keyReport) write(w io.Writer) {
	fmt.Fprintln(w, "KEY\tROWS\tIN KEYSET")
	for _, k := range r.Keys {
		in := "yes"
		switch {
		case k.Primary:
			in = "primary: what is written is under it"
		case !k.Keyset && k.Rows > 0:
			in = "no: what is under it cannot be read"
		}
		fmt.Fprintf(w, "%d\t%d\t%s\n", k.ID, k.Rows, in)
	}
	if r.Rewritten > 0 {
		fmt.Fprintf(w, "%d rows were written anew under the primary key\n", r.Rewritten)
	}
	if left := r.left(); r.plan && left > 0 {
		fmt.Fprintf(w, "%d rows are to be written anew under the primary key\n", left)
		writeWaits(w)
	}
}

// keysOf says which keys there are and what is under them.
func keysOf(ctx context.Context, s *pgcreds.Store, keys *keyset.Handle) (*keyReport, error) {
	use, err := s.KeyUse(ctx)
	if err != nil {
		return nil, err
	}
	r := &keyReport{Keys: []keyState{}}
	info := keys.KeysetInfo()
	for _, k := range info.GetKeyInfo() {
		id := k.GetKeyId()
		r.Keys = append(r.Keys, keyState{id, true, id == info.GetPrimaryKeyId(), use[id]})
		delete(use, id)
	}
	for _, id := range slices.Sorted(maps.Keys(use)) {
		r.Keys = append(r.Keys, keyState{ID: id, Rows: use[id]})
	}
	return r, nil
}

var keysStatus = &command{
	name: "keys status", tables: true, summary: "Say under which keys credentials are encrypted.",
	text: `Lists the keys of the keyset, and how many rows of credentials are under each. Exits with 3 while
rows are under another key than the primary one. No key is printed, but its id.`,
	setup: func(set *flag.FlagSet) action {
		var k keysetFlags
		k.add(set)
		return func(ctx context.Context, e *call) (answer, error) { return rotateKeys(ctx, e, &k, false, false) }
	},
}

var keysRotate = &command{
	name: "keys rotate", tables: true, summary: "Encrypt credentials anew under the primary key; a plan without -yes.",
	text: `Encrypts what is not under the primary key of the keyset anew, while services read and write. It
may be interrupted, and called again. Before that, every service must have a keyset with the new
key as its primary one. A key may be removed from keysets once keys status shows no rows under it.`,
	timeout: longTimeout,
	setup: func(set *flag.FlagSet) action {
		var k keysetFlags
		k.add(set)
		yes := addYes(set)
		return func(ctx context.Context, e *call) (answer, error) { return rotateKeys(ctx, e, &k, *yes, !*yes) }
	},
}

func rotateKeys(ctx context.Context, e *call, k *keysetFlags, rotate, plan bool) (answer, error) {
	var out *keyReport
	err := e.withCredentials(ctx, k, func(s *pgcreds.Store, keys *keyset.Handle) (err error) {
		if out, err = keysOf(ctx, s, keys); err != nil || !rotate {
			return err
		}
		bar := e.progress("encrypting rows", out.left())
		defer bar.close()
		done, rotating := s.Rotate(ctx, bar.set)
		if out, err = keysOf(ctx, s, keys); err == nil {
			out.Rewritten = done.Rewritten
		}
		return errors.Join(rotating, err)
	})
	if out == nil {
		return nil, err
	}
	out.plan = plan
	return out, err
}
