package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/payloadtest"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

func encoded(p ledger.Payload) string {
	return string(append(ledger.AppendFields(wire.AppendVersion([]byte{'{'}), p), '}'))
}

func TestPayloadsReadBack(t *testing.T) {
	seen := map[ledger.EntryKind]bool{}
	for _, p := range payloadtest.Ledger() {
		kind := ledger.KindOf(p)
		back, err := ledger.Decode(kind, []byte(encoded(p)))
		require.NoError(t, err, "payload of kind %s", kind)
		require.IsType(t, p, back, "payload of kind %s", kind)
		require.Equal(t, encoded(p), encoded(back), "payload of kind %s", kind)
		seen[kind] = true
	}
	require.Len(t, seen, 8, "kinds of which there is a sample")
	none, err := ledger.Decode("gift", []byte(`{"v":1,"x":1}`))
	require.NoError(t, err, "a kind of another package's")
	require.Nil(t, none, "a kind of another package's")
}
