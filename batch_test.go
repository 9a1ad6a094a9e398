package accounts_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// batchReader is a store that holds what batches are made of against what their entries say.
type batchReader struct {
	accounts.Store
	t    *testing.T
	read int
}

func (s *batchReader) Append(ctx context.Context, b accounts.Batch) error {
	for i := range b.Entries {
		made, err := b.Decode(i)
		require.NoError(s.t, err, "Decode of entry %d failed", i)
		says, err := b.Entries[i].Decode()
		require.NoError(s.t, err, "entry %d cannot be read", i)
		require.JSONEq(s.t, text(s.t, says), text(s.t, made), "entry %d was made of something else", i)
		s.read++
	}
	if len(b.Entries) > 0 {
		s.change(b)
	}
	return s.Store.Append(ctx, b)
}

// change puts other entries into the batch: what the first ones were made of does not pass for theirs.
func (s *batchReader) change(b accounts.Batch) {
	b.Entries = slices.Clone(b.Entries)
	b.Entries[0].Kind, b.Entries[0].Payload = ledger.KindCash, []byte(`{"v":1,"id":"other"}`)
	p, err := b.Decode(0)
	require.NoError(s.t, err, "Decode of another entry failed")
	require.Equal(s.t, "other", p.(*ledger.CashMovement).ID, "another entry passes for the one it replaces")
	b.Entries[0].Payload = []byte(`{`)
	_, err = b.Decode(0)
	require.ErrorIs(s.t, err, accounts.ErrCorrupt, "an entry that cannot be read was read")
}

func text(t *testing.T, v any) string {
	out, err := json.Marshal(v)
	require.NoError(t, err, "write a payload")
	return string(out)
}

func TestBatchHoldsWhatItsEntriesSay(t *testing.T) {
	store := &batchReader{Store: memstore.New(), t: t}
	m, err := accounts.New(store)
	require.NoError(t, err, "manager")
	t.Cleanup(func() { require.NoError(t, m.Close(), "Close failed") })
	profile, err := m.CreateProfile(t.Context(), accounts.Optimal100K("DU1000100"))
	require.NoError(t, err, "CreateProfile failed")
	p, err := m.Portfolio(t.Context(), profile.ID)
	require.NoError(t, err, "Portfolio failed")
	stock := ledger.NewStock("XYZ", "USD")
	one := ledger.Trade{ExecID: "0000e0d5.00000001.01.01", Instrument: stock, Quantity: dec("10"), Price: dec("41.250"), Time: at(1)}
	corrected, late := one, one
	corrected.ExecID, corrected.Price = "0000e0d5.00000001.01.02", dec("41")
	late.ExecID, late.Time = "0000e0d5.00000002.01.01", at(0)
	for _, facts := range [][]ledger.Fact{{one, ledger.CashMovement{ID: "1", Kind: ledger.Deposit, Amount: dec("100"), Currency: "USD", Time: at(0)}}, {corrected}, {late}} {
		_, err = p.Record(t.Context(), facts...)
		require.NoError(t, err, "Record failed")
	}
	require.Greater(t, store.read, 3, "too few entries were appended")
}
