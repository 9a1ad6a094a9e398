package pgstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
)

// call is a call of a method, and what it asks of the driver.
type call struct {
	name  string
	says  string // what every error of it says
	steps func(pooled bool) []step
	do    func(context.Context, *Store) error
	ends  error // what it returns when nothing fails
}

// one is a call of one statement.
func one(s step) func(bool) []step {
	return func(pooled bool) []step { return direct(pooled, s) }
}

// each is a call of statements of which each is by itself.
func each(steps ...step) func(bool) []step {
	return func(pooled bool) []step {
		var out []step
		for _, s := range steps {
			out = append(out, direct(pooled, s)...)
		}
		return out
	}
}

// whole is a call in one transaction.
func whole(steps ...step) func(bool) []step {
	return func(bool) []step { return transaction(steps...) }
}

// mocked is the profile of the calls, batch what they append to it, and entries its journal.
var (
	mocked  = testProfile(0)
	journal = fills{id: mocked.ID}
	bought  = journal.next(1)
	long    = (&fills{id: mocked.ID}).next(20)
)

// plain is a batch of one entry that is no trade.
func plain() accounts.Batch {
	e := bought.Entries[0]
	e.Kind, e.Payload = "note", []byte(`{}`)
	return accounts.Batch{ProfileID: mocked.ID, Entries: []accounts.Entry{e}}
}

func profileOf(p accounts.AccountProfile) []driver.Value {
	return []driver.Value{string(p.ID), p.Name, p.IBKRAccountID, string(p.CapitalLevel), string(p.RiskTolerance), p.CreatedAt,
		string(p.Owner), string(p.Mode), string(p.Status), string(p.BaseCurrency), p.Gateway.Host, int64(p.Gateway.Port),
		int64(p.Gateway.ClientID), nil, p.Version, p.UpdatedAt, nil, string(p.Login)}
}

// ready is a step of a statement that is prepared.
func ready(s step) step {
	s.prepared = true
	return s
}

// pageOf is how entries are read.
func pageOf(entries []accounts.Entry) step {
	s := query(pageText, "seq kind key recorded_at payload prev hash")
	for _, e := range entries {
		s.rows = append(s.rows, []driver.Value{e.Seq, string(e.Kind), e.Key, e.Time, e.Payload, e.Prev[:], e.Hash[:]})
	}
	return ready(s)
}

// accepted is the answer to an append, with the numbers of the batches.
func accepted(text string, numbers ...int64) step {
	s := query(text, "n pg_notify")
	if text == groupText || text == carefulText {
		s.columns = "n"
	}
	for _, n := range numbers {
		s.rows = append(s.rows, []driver.Value{n, ""}[:len(strings.Fields(s.columns))])
	}
	s.prepared, s.again = true, true
	return s
}

// refusedFor is the answer to why, where the journal has so many entries.
func refusedFor(head driver.Value) step {
	s := query("AS e (key)", refusalColumns, []driver.Value{head, nil, nil, nil})
	s.nullable = true
	return s
}

const refusalColumns = "head hash key seq"

// leaseGiven is the answer to a Lease that is given.
func leaseGiven() step {
	s := query("INSERT INTO trading.leases", "holder fence left", []driver.Value{"h", int64(1), int64(60_000_000)})
	s.returns = true
	return s
}

func headOf(seq int64) step { return query("SELECT coalesce(h.seq, 0)", "seq", []driver.Value{seq}) }

// rowsOf are the rows of the projection that bought leaves: of positions, of trades, and none that are strays.
func rowsOf() (positions step, others []step) {
	p, e := bought.Positions[0], bought.Entries[0]
	key, at := string(p.Instrument.Key()), fmt.Sprint(e.Time.UnixMicro())
	positions = query("FROM trading.positions", `id instrument_key journal_seq open opened_at closed_at last_trade_at last_close_at instrument_currency
			option_details unrealized_pnl exact_quantity exact_basis exact_realized exact_realized_base exact_unconverted exact_commissions exact_taxes
			user_id symbol position_type side quantity entry_price realized_pnl`,
		[]driver.Value{int64(1), key, int64(1), true, at, nil, at, nil, "USD", nil, nil, "1", "42.25", "0", "0", "0", "1", "0",
			"profile-00", p.Instrument.Symbol, "STOCK", "LONG", "1", "42.25", "0"})
	trades := query("FROM trading.trades", `journal_seq exec_id order_id trade_kind instrument_key exact_quantity exact_price exact_proceeds
			exact_commission exact_taxes instrument_currency commission_currency traded_at`,
		[]driver.Value{int64(1), "0000e0d5.00000001.01.01", "", "execution", key, "1", "41.25", "-41.25", "1", "0", "USD", "", at})
	return positions, []step{trades, tablesOf(), query("SELECT count(*) FROM trading.positions", "n", []driver.Value{int64(0)}),
		query("SELECT count(*) FROM trading.trades", "n", []driver.Value{int64(0)})}
}

// tablesOf is what the store asks to tell strays.
func tablesOf() step {
	return query("FROM pg_class", "name users ours", []driver.Value{"positions", true, "{exact_basis}"}, []driver.Value{"trades", false, "{exec_id}"})
}

func folding() []step {
	positions, _ := rowsOf()
	return []step{
		query("SELECT p.base_currency,", "base_currency user_id seq last", []driver.Value{"USD", "profile-00", int64(1), int64(1)}),
		positions, query("FROM trading.journal_checkpoints", "seq hash"), pageOf(bought.Entries), pageOf(nil),
	}
}

// calls are calls of every method, in every way that asks the driver for something else.
func calls() []call {
	id := mocked.ID
	appends := func(b accounts.Batch) func(context.Context, *Store) error {
		return func(ctx context.Context, s *Store) error { return s.Append(ctx, b) }
	}
	invalid := plain()
	invalid.Entries[0].Seq = 7
	unknown := whole(query("SELECT p.base_currency,", "base_currency user_id seq last"), query("0 AS seq", "base_currency user_id seq last"))
	_, others := rowsOf()
	verify := func(ctx context.Context, s *Store) error { return s.Verify(ctx, id) }
	rebuild := func(ctx context.Context, s *Store) error { return s.Rebuild(ctx, id) }
	return []call{
		{"CreateProfile", `create profile "profile-00"`, one(execute("INSERT INTO trading.account_profiles", 1)),
			func(ctx context.Context, s *Store) error { return s.CreateProfile(ctx, mocked) }, nil},
		{"UpdateProfile", `update profile "profile-00"`, one(execute("UPDATE trading.account_profiles", 1)),
			func(ctx context.Context, s *Store) error { return s.UpdateProfile(ctx, mocked) }, nil},
		{"UpdateProfile of another version", `profile "profile-00"`, each(execute("UPDATE trading.account_profiles", 0),
			query("SELECT version", "version", []driver.Value{int64(9)})),
			func(ctx context.Context, s *Store) error { return s.UpdateProfile(ctx, mocked) }, accounts.ErrConflict},
		{"Profile", `read profile "profile-00"`, one(query("FROM trading.account_profiles", strings.ReplaceAll(profileColumns, ",", " "), profileOf(mocked))),
			func(ctx context.Context, s *Store) error { _, err := s.Profile(ctx, id); return err }, nil},
		{"Profiles", `list profiles`, one(query("FROM trading.account_profiles", strings.ReplaceAll(profileColumns, ",", " "), profileOf(mocked), profileOf(testProfile(1)))),
			func(ctx context.Context, s *Store) error {
				_, err := s.Profiles(ctx, accounts.ProfileFilter{})
				return err
			}, nil},
		{"SetActiveProfile", `switch owner "me" to profile "profile-00"`, one(ready(execute(switchText, 1))),
			func(ctx context.Context, s *Store) error { return s.SetActiveProfile(ctx, "me", id, day) }, nil},
		{"SetActiveProfile to none", `clear the active profile of owner "me"`, one(execute("INSERT INTO trading.active_profiles", 1)),
			func(ctx context.Context, s *Store) error { return s.SetActiveProfile(ctx, "me", "", day) }, nil},
		{"ActiveProfile", `read the active profile of owner "me"`, one(query("FROM trading.active_profiles", "profile_id", []driver.Value{string(id)})),
			func(ctx context.Context, s *Store) error { _, err := s.ActiveProfile(ctx, "me"); return err }, nil},
		{"Append of an entry", `append to profile "profile-00"`, one(accepted(singleText, 0)), appends(plain()), nil},
		{"Append of a fill", `append to profile "profile-00"`, one(accepted(fillText, 0)), appends(bought), nil},
		{"Append of many", `append to profile "profile-00"`, one(accepted(groupText, 0)), appends(long), nil},
		{"Append that is refused", `append to profile "profile-00"`, each(accepted(singleText), refusedFor(int64(5))), appends(plain()), accounts.ErrConflict},
		{"Append of what is invalid", `profile "profile-00"`, one(headOf(0)), appends(invalid), accounts.ErrInvalid},
		{"Entries", `read the journal of profile "profile-00"`, each(headOf(20), pageOf(long.Entries[:16]), pageOf(long.Entries[16:])), readAll, nil},
		{"Lookup", `look up keys in the journal of profile "profile-00"`, one(lookedUp([]driver.Value{"a", int64(1)})), lookUp, nil},
		{"SaveCheckpoint", `save checkpoint of profile "profile-00"`, one(execute("INSERT INTO trading.journal_checkpoints", 1)),
			func(ctx context.Context, s *Store) error {
				return s.SaveCheckpoint(ctx, accounts.Checkpoint{ProfileID: id, Seq: 1})
			}, nil},
		{"Lease", `take lease "l" for "h"`, one(leaseGiven()),
			func(ctx context.Context, s *Store) error { _, err := s.Lease(ctx, "l", "h", time.Minute); return err }, nil},
		{"EndLease", `end lease "l" of "h"`, one(execute("UPDATE trading.leases", 1)), func(ctx context.Context, s *Store) error {
			return s.EndLease(ctx, accounts.Lease{Name: "l", Holder: "h", Fence: 1})
		}, nil},
		{"Checkpoint", `read checkpoint of profile "profile-00"`, one(checkpointRow()),
			func(ctx context.Context, s *Store) error { _, err := s.Checkpoint(ctx, id, 1); return err }, nil},
		{"Ping", `ping`, func(pooled bool) []step {
			version := query("max(version_id)", "version", []driver.Value{int64(targetVersion)})
			version.joined = true
			return direct(pooled, query("to_regclass", "exists", []driver.Value{true}), version)
		}, func(ctx context.Context, s *Store) error { return s.Ping(ctx) }, nil},
		{"Watch", `watch`, each(
			query("FROM trading.account_profiles", "profile_id owner_id version head at recorded_at", []driver.Value{string(id), "", int64(1), int64(1), day, day}),
			query("FROM trading.active_profiles", "owner_id profile_id revision switched_at", []driver.Value{"me", string(id), int64(1), day})),
			func(ctx context.Context, s *Store) error { _, err := s.Watch(ctx); return err }, nil},
		{"Verify", `verify profile "profile-00"`, whole(append(folding(), others...)...), verify, nil},
		{"Verify of no profile", `verify profile "profile-00"`, failing(unknown), verify, accounts.ErrProfileNotFound},
		{"Rebuild", `rebuild rows of profile "profile-00"`, whole(append(folding(), tablesOf(), execute("UPDATE trading.trades", 0), execute("UPDATE trading.positions", 0),
			execute("DELETE FROM trading.trades", 1), execute("DELETE FROM trading.positions", 0), execute("WITH accepted", 1))...), rebuild, nil},
		{"Rebuild of no profile", `rebuild rows of profile "profile-00"`, failing(unknown), rebuild, accounts.ErrProfileNotFound},
	}
}

// failing leaves out the commit, as what ends with an error has none.
func failing(steps func(bool) []step) func(bool) []step {
	return func(pooled bool) []step {
		all := steps(pooled)
		return all[:len(all)-1]
	}
}

func readAll(ctx context.Context, s *Store) error {
	for _, err := range s.Entries(ctx, mocked.ID, 0) {
		if err != nil {
			return err
		}
	}
	return nil
}

// lookedUp is the answer to where keys are.
func lookedUp(rows ...[]driver.Value) step {
	s := query("j.key = ANY ($2::text[])", "key seq", rows...)
	s.nullable = true
	return s
}

func lookUp(ctx context.Context, s *Store) error {
	_, err := s.Lookup(ctx, mocked.ID, []string{"a"})
	return err
}

func checkpointRow() step {
	s := query("FROM trading.journal_checkpoints", "slot seq hash state", []driver.Value{int64(0), int64(1), make([]byte, 32), []byte("{}")})
	s.nullable = true
	return s
}
