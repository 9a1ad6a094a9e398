package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The command says where it serves and by which certificate, has four accounts, and ends when it is told to.
func TestCommand(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-seed", "7"}, writer); _ = writer.Close() }()
	said, lines := map[string]string{}, bufio.NewScanner(reader)
	for n := 0; n < 2+len(levels) && lines.Scan(); n++ {
		name, value, _ := strings.Cut(lines.Text(), " ")
		said[name] = strings.TrimSpace(value)
	}
	require.NoError(t, lines.Err())

	var seen string
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, // the fingerprint is compared below
		VerifyConnection: func(s tls.ConnectionState) error {
			sum := sha256.Sum256(s.PeerCertificates[0].Raw)
			seen = hex.EncodeToString(sum[:])
			return nil
		},
	}}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(said["url"] + "/iserver/accounts")
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	require.Equal(t, said["fingerprint"], seen, "the certificate's fingerprint")
	var body struct {
		Accounts []string
		IsPaper  bool
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&body))
	require.True(t, body.IsPaper)
	require.Len(t, body.Accounts, len(levels))
	stop()
	require.NoError(t, <-ended)
}

func TestWrongFlags(t *testing.T) {
	require.Error(t, run(t.Context(), []string{"-nothing"}, io.Discard))
	require.Error(t, run(t.Context(), []string{"-listen", "nowhere:x"}, io.Discard))
}
