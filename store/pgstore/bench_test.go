package pgstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// benchStore returns a store with as many profiles.
func benchStore(b *testing.B, driver string, profiles int) *Store {
	dsn := migrated.Database(b)
	db := open(b, driver, dsn)
	db.SetMaxOpenConns(40)
	db.SetMaxIdleConns(40)
	s, err := New(b.Context(), db)
	require.NoError(b, err, "New failed")
	b.Cleanup(func() { _ = s.Close() })
	for i := range profiles {
		require.NoError(b, s.CreateProfile(b.Context(), testProfile(i)), "CreateProfile failed")
	}
	return s
}

func testProfile(i int) accounts.AccountProfile {
	p := accounts.Balanced50K("DU1234567")
	p.ID, p.Name, p.Version = accounts.ProfileID(fmt.Sprintf("profile-%02d", i)), fmt.Sprint("Profile ", i), 1
	p.CreatedAt = time.Date(2025, 5, 16, 13, 30, 0, 0, time.UTC)
	p.UpdatedAt = p.CreatedAt
	return p
}

// fills records one fill after another as a portfolio would: an entry, its trade, its position.
type fills struct {
	id       accounts.ProfileID
	seq      int64
	hash     accounts.Hash
	quantity int64
}

func (f *fills) next(n int) accounts.Batch {
	b := accounts.Batch{ProfileID: f.id, After: f.seq, Hash: f.hash}
	for range n {
		f.seq++
		at := day.Add(time.Duration(f.seq) * time.Second)
		f.quantity++
		payload := fmt.Appendf(nil, `{"v":1,"exec_id":"%s.%08x.01.01","instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD","multiplier":"1"},`+
			`"quantity":"1","price":"41.25","commission":"1","time":"%s"}`, "0000e0d5", f.seq, at.Format(time.RFC3339Nano))
		e := accounts.Entry{ProfileID: f.id, Seq: f.seq, Kind: ledger.KindTrade, Key: fmt.Sprintf("x:0000e0d5.%08x.01", f.seq),
			Time: at, Payload: payload, Prev: f.hash}
		e.Hash = e.Sum()
		f.hash = e.Hash
		b.Entries = append(b.Entries, e)
	}
	quantity := udecimal.MustFromInt64(f.quantity, 0)
	b.Positions = []ledger.Position{{Instrument: ledger.NewStock("XYZ", "USD"), Quantity: quantity,
		Basis: quantity.Mul(udecimal.MustParse("42.25")), Commissions: quantity, LastTrade: b.Entries[n-1].Time}}
	return b
}
