package risk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/payloadtest"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

func encoded(p risk.Payload) string {
	return string(append(risk.AppendFields(wire.AppendVersion([]byte{'{'}), p), '}'))
}

func TestPayloadsReadBack(t *testing.T) {
	seen := map[ledger.EntryKind]bool{}
	for _, p := range payloadtest.Risk() {
		kind := risk.KindOf(p)
		back, err := risk.Decode(kind, []byte(encoded(p)))
		require.NoError(t, err, "payload of kind %s", kind)
		require.IsType(t, p, back, "payload of kind %s", kind)
		require.Equal(t, encoded(p), encoded(back), "payload of kind %s", kind)
		seen[kind] = true
	}
	require.Len(t, seen, 8, "kinds of which there is a sample")
	none, err := risk.Decode("gift", []byte(`{"v":1,"x":1}`))
	require.NoError(t, err, "a kind of another package's")
	require.Nil(t, none, "a kind of another package's")
}
