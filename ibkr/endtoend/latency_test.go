package endtoend

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/store/pgstore"
)

// samples are durations of one kind.
type samples []time.Duration

// at returns the sample below which a fraction of them is.
func (s samples) at(fraction float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(int(fraction*float64(len(sorted))), len(sorted)-1)]
}

// study collects samples by name.
type study map[string]samples

func (s study) add(name string, d time.Duration) { s[name] = append(s[name], d) }

// report reports the median and the 99th percentile of every kind, in microseconds.
func (s study) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	for name, list := range s {
		for text, fraction := range map[string]float64{"p50": 0.5, "p99": 0.99} {
			b.ReportMetric(float64(list.at(fraction).Nanoseconds())/1000, name+"-"+text+"-µs")
		}
	}
}

// order takes the parts of an order's way to the gateway.
func (s study) order(m moments) {
	s.add("order", m.span(reserved, onTheWire))
	s.add("order-append", m.span(dispatching, dispatched))
	s.add("order-place", m.span(placing, sending))
	s.add("order-http", m.span(sending, onTheWire))
	s.add("order-library", m.span(reserved, dispatching)+m.span(dispatched, sending))
}

// fill takes the parts of a fill's way into the book.
func (s study) fill(m moments) {
	http, gateway := m[recording].http-m[hinted].http, m[recording].gateway-m[hinted].gateway
	s.add("fill", m.span(filled, recorded))
	s.add("fill-hint", m.span(filled, hinted))
	s.add("fill-wake", m.span(hinted, looking))
	s.add("fill-orders", m.span(looking, listed))
	s.add("fill-executions", m.span(asking, told))
	s.add("fill-http", http-gateway)
	s.add("fill-gateway", gateway)
	s.add("fill-append", m.span(recording, recorded))
	s.add("fill-event", m.span(recorded, inTheBook))
	s.add("fill-library", m.span(hinted, recording)-http)
}

// span returns the time between two stages. Where the look that found a fill had begun before the fill, the time
// until the look began is zero.
func (m moments) span(from, to stage) time.Duration {
	if m[from].at.IsZero() || m[to].at.IsZero() {
		return 0
	}
	return max(m[to].at.Sub(m[from].at), 0)
}

// BenchmarkGateway measures how long an order takes from Reserve's return until the gateway has the head of its
// request, and a fill from the moment at which the gateway makes it until the book has it, on a gateway whose pacing
// is off. Orders come one after another over the accounts, and each is alone: nothing else is under way.
// Beside them a bare durable insert and a bare request to the same server are measured. Run it with
// -benchtime 300x.
//
// What is reported is in microseconds:
//
//   - order: its way; order-append the durable dispatch, order-place what the client does before its
//     request goes, order-http the request's way to the gateway's handler, and order-library all but the
//     append and the request;
//   - fill: its way until the append has returned; fill-hint until the engine has the websocket's hint,
//     fill-wake until it looks, fill-orders and fill-executions the two calls, of both fill-http in the
//     transport and fill-gateway in the simulated gateway, fill-append the durable execution, and
//     fill-library what is left between the hint and the append.
//     fill-event comes after: until a subscriber knows;
//   - bare-insert and bare-https.
func BenchmarkGateway(b *testing.B) {
	for _, n := range []int{4, 32} {
		b.Run(fmt.Sprint("accounts=", n), func(b *testing.B) { benchmarkGateway(b, n) })
	}
}

func benchmarkGateway(b *testing.B, n int) {
	dsn := pgtest.Database(b)
	require.NoError(b, pgstore.Migrate(b.Context(), dsn))
	store, err := pgstore.Open(b.Context(), dsn)
	require.NoError(b, err)
	defer func() { require.NoError(b, store.Close()) }()
	p, g := newProbe(), newGateway(b, n, gatewaysim.Pacing{Off: true})
	server := httptest.NewUnstartedServer(timedHandler{g, p})
	server.StartTLS()
	defer server.Close()
	defer func() { require.NoError(b, g.Close()) }()
	transport := func() *http.Transport {
		return &http.Transport{TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig.Clone(), MaxIdleConnsPerHost: 4,
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	}
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	d := newDesk(ctx, b, p, n, store, g, -1, cpapi.Config{URL: server.URL + "/v1/api", Transport: timedTransport{transport(), p}, Limits: wide, Breaker: cpapi.NewBreaker()})
	defer d.close(b)
	<-d.inStep
	insert := bareInsert(b, dsn)
	bare := &http.Client{Transport: transport()}
	defer bare.CloseIdleConnections()
	s, turn, requests := study{}, 0, 0
	round := func(s study) {
		account, o := turn%n, d.next()
		turn++
		d.quiet(ctx, b, account)
		order, m := d.send(ctx, b, account, o)
		s.order(m)
		d.quiet(ctx, b, account)
		d.fill(b, account, order, o)
		m = d.await(ctx, b, account)[0]
		s.fill(m)
		requests += m[recording].requests - m[filled].requests
		began := time.Now()
		insert(turn)
		s.add("bare-insert", time.Since(began))
		began = time.Now()
		require.NoError(b, get(bare, server.URL+barePath))
		s.add("bare-https", time.Since(began))
	}
	for range 2 * n { // what is asked for once, and connections
		round(study{})
	}
	requests = 0
	for b.Loop() {
		round(s)
	}
	s.report(b)
	b.ReportMetric(float64(requests)/float64(b.N), "fill-requests")
}

// bareInsert returns what inserts a row of an entry's size, durably, by a prepared statement.
func bareInsert(b *testing.B, dsn string) func(n int) {
	db, err := sql.Open("postgres", dsn)
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	_, err = db.Exec(`CREATE TABLE bare (profile text, n bigint, payload bytea, PRIMARY KEY (profile, n))`)
	require.NoError(b, err)
	st, err := db.Prepare(`INSERT INTO bare VALUES ('profile', $1, $2)`)
	require.NoError(b, err)
	payload := make([]byte, 400)
	return func(n int) {
		_, err := st.Exec(n, payload)
		require.NoError(b, err)
	}
}
