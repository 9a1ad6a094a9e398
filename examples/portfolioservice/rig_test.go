package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
)

// patient is how long a test waits for what has to come.
const patient = time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	pgtest.Main(m) // which looks for goroutines that are left, too
}

// instance is a service that runs.
type instance struct {
	t     *testing.T
	url   string
	token string
	end   func() // the service is told to stop
	ended chan error
	once  sync.Once
	log   *lines
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// quick are arguments of a service that trades quickly on a free port.
func quick(more ...string) []string {
	return append([]string{"-addr", "127.0.0.1:0", "-every", "200ms", "-tick", "50ms", "-lease", "1s"}, more...)
}

// launch runs the service and waits until it listens. It is stopped at the end of the test, if it was not before.
func launch(t *testing.T, args ...string) *instance {
	t.Helper()
	return await(t, func(ctx context.Context, stdout, stderr io.Writer) error { return run(ctx, args, stdout, stderr) })
}

// await waits until a service that runs tells its address.
func await(t *testing.T, serve func(ctx context.Context, stdout, stderr io.Writer) error) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	i := &instance{t: t, end: cancel, ended: make(chan error, 1), log: &lines{}}
	go func() {
		err := serve(ctx, in, i.log)
		_ = in.Close()
		i.ended <- err
	}()
	t.Cleanup(func() { i.stop() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the service does not start: %s", i.log)
	i.url = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return i
}

// stop stops the service, once, and wants no error.
func (i *instance) stop() {
	i.once.Do(func() {
		i.end()
		require.NoError(i.t, <-i.ended, "the service stops")
		if i.t.Failed() {
			i.t.Logf("the service's log:\n%s", i.log)
		}
	})
}

// client is that of the tests: no connection is kept, so that none is left.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// ask sends a request, and returns the status and the body.
func (i *instance) ask(ctx context.Context, method, path, body string, header ...string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, i.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if i.token != "" {
		req.Header.Set("Authorization", "Bearer "+i.token)
	}
	for n := 0; n < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
		if header[n] == "Host" {
			req.Host = header[n+1]
		}
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// call is ask for a test that wants a status.
func (i *instance) call(status int, method, path, body string, header ...string) string {
	i.t.Helper()
	got, text, err := i.ask(i.t.Context(), method, path, body, header...)
	require.NoError(i.t, err, "%s %s", method, path)
	require.Equal(i.t, status, got, "%s %s: %.500s", method, path, text)
	return text
}

// read reads an answer.
func read[T any](t *testing.T, text string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &v), "%.500s", text)
	return v
}

// until waits until a condition holds, and looks again with each event that the service tells.
func (i *instance) until(what string, holds func() bool) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), patient)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.url+"/api/v1/events", nil)
	require.NoError(i.t, err)
	req.Header.Set("Authorization", "Bearer "+i.token)
	res, err := client.Do(req)
	require.NoError(i.t, err)
	defer res.Body.Close()
	require.Equal(i.t, http.StatusOK, res.StatusCode, "a stream of events")
	stream := bufio.NewScanner(res.Body)
	for stream.Scan() {
		if stream.Text() == "" && holds() {
			return
		}
	}
	require.FailNow(i.t, "in vain", "%s: %v", what, stream.Err())
}

// eventually waits until a condition holds of what no event tells.
func (i *instance) eventually(what string, holds func() bool) {
	i.t.Helper()
	ctx, stop := timeout(i.t)
	defer stop()
	for !holds() {
		require.NoError(i.t, ctx.Err(), what)
		pause(ctx, 10*time.Millisecond)
	}
}

// profiles returns the ids of the profiles.
func (i *instance) profiles() (ids []accounts.ProfileID) {
	i.t.Helper()
	for _, p := range read[struct{ Profiles []accounts.AccountProfile }](i.t, i.call(200, "GET", "/api/v1/profiles", "")).Profiles {
		ids = append(ids, p.ID)
	}
	return ids
}

// trades returns the ids of a profile's executions.
func (i *instance) trades(id accounts.ProfileID) (ids []ledger.ExecID) {
	i.t.Helper()
	for _, x := range read[struct {
		Trades []accounts.Recorded[ledger.Trade]
	}](i.t, i.call(200, "GET", "/api/v1/profiles/"+string(id)+"/trades?limit=200", "")).Trades {
		ids = append(ids, x.Value.ExecID)
	}
	return ids
}

// all reports whether every profile has as many trades at least. After the first of them the smallest is left out:
// its day trades are limited.
func (i *instance) all(trades int) func() bool {
	return func() bool {
		for n, p := range presets {
			if n == 0 && trades > 1 {
				continue
			}
			if len(i.trades(p.id)) < trades {
				return false
			}
		}
		return true
	}
}

// timeout returns a context that bounds a test's waiting.
func timeout(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), patient)
}

// pause waits between two looks at what tells nobody that it changes.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
