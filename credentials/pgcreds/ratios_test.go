package pgcreds

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"

	"github.com/ai-ots/accounts/credentials"
)

// BenchmarkRatios measures Get and Put of one secret of 512 bytes in turns with a bare call of Tink and a
// bare prepared statement for one row, and reports the median latency over the sum of their medians. Run
// it with -benchtime 1x.
func BenchmarkRatios(b *testing.B) {
	keys := newKeys(b)
	db := open(b, "postgres", migrated.Database(b))
	s := newStore(b, db, keys)
	bare, err := aead.New(keys)
	require.NoError(b, err, "aead")
	secret := bytes.Repeat([]byte("s"), 512)
	c := credentials.Set{"password": credentials.NewSecret(secret)}
	sealed, err := bare.Encrypt(secret, []byte("a"))
	require.NoError(b, err, "encrypt")
	run(b, db, `CREATE TABLE bare (id text PRIMARY KEY, sealed bytea)`)
	write, err := db.PreparexContext(b.Context(), `INSERT INTO bare VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed`)
	require.NoError(b, err, "prepare")
	read, err := db.PreparexContext(b.Context(), `SELECT sealed FROM bare WHERE id = $1`)
	require.NoError(b, err, "prepare")

	b.Run("Put to encryption and an INSERT", func(b *testing.B) {
		ratio(b, func() error { return s.Put(b.Context(), "a", c) },
			func() error { _, err := bare.Encrypt(secret, []byte("a")); return err },
			func() error { _, err := write.ExecContext(b.Context(), "a", sealed); return err })
	})
	b.Run("Get to decryption and a SELECT", func(b *testing.B) {
		ratio(b, func() error { _, err := s.Get(b.Context(), "a", ""); return err },
			func() error { _, err := bare.Decrypt(sealed, []byte("a")); return err },
			func() error { var got []byte; return read.GetContext(b.Context(), &got, "a") })
	})
}

// ratio runs the calls in turns.
func ratio(b *testing.B, calls ...func() error) {
	times := make([][]time.Duration, len(calls))
	for range 2000 {
		for i, call := range calls {
			began := time.Now()
			require.NoError(b, call(), "call %d", i)
			times[i] = append(times[i], time.Since(began))
		}
	}
	var medians []float64
	for _, list := range times {
		slices.Sort(list)
		medians = append(medians, float64(list[len(list)/2].Nanoseconds())/1000)
	}
	b.ReportMetric(medians[0], "µs")
	b.ReportMetric(medians[1]+medians[2], "bare-µs")
	b.ReportMetric(medians[0]/(medians[1]+medians[2]), "ratio")
	b.ReportMetric(0, "ns/op")
}
