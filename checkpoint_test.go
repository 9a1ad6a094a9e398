package accounts_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func TestCheckpointSparesTheJournal(t *testing.T) {
	b := newBench(t)
	for i := range 1100 {
		q := "1"
		if i%2 == 1 {
			q = "-1"
		}
		b.Record(t, trade(i, xyz, q, "10"))
	}
	c, err := b.Store.Checkpoint(t.Context(), b.Profile.ID, math.MaxInt64)
	require.NoError(t, err, "a checkpoint must have been saved by itself")
	require.Equal(t, int64(1024), c.Seq)

	counting := &damagedStore{Store: b.Store}
	read := 0
	counting.damage = func(*accounts.Entry) bool { read++; return true }
	open := func() *accounts.Portfolio {
		read = 0
		p, err := newManagerOn(t, counting).Portfolio(t.Context(), b.Profile.ID)
		require.NoError(t, err)
		require.Equal(t, figures(b.Portfolio), figures(p))
		return p
	}
	open()
	require.LessOrEqual(t, read, 1100-1024+2, "only the tail may be read, and the entry that confirms the checkpoint")

	for name, damage := range map[string]func(*accounts.Checkpoint){
		"damaged":                         func(c *accounts.Checkpoint) { c.State[50] ^= 1 },
		"empty":                           func(c *accounts.Checkpoint) { c.State = nil },
		"of a journal that is not theirs": func(c *accounts.Checkpoint) { c.Hash[0] ^= 1 },
	} {
		bad := c
		bad.State = append([]byte(nil), c.State...)
		damage(&bad)
		require.NoError(t, b.Store.SaveCheckpoint(t.Context(), bad))
		open()
		require.GreaterOrEqual(t, read, 1100, "a checkpoint that is %s must not be trusted", name)
	}
}
