package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
)

// The load: as many connections as ask at once, and as many streams as are open beside them.
const (
	loadClients = 8
	loadStreams = 200
)

// load is an API behind a server on loopback, with many profiles of one owner's.
type load struct {
	*rig
	server   *httptest.Server
	client   *http.Client
	profiles []accounts.AccountProfile
	facts    int
}

func newLoad(b *testing.B, profiles int) *load {
	r := newRig(b, func(c *Config) { c.MaxStreamsEach = loadStreams })
	l := &load{rig: r, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: loadClients}}}
	for i := range profiles {
		l.profiles = append(l.profiles, r.profile("ann", fmt.Sprint("P", i), fmt.Sprintf("DU%07d", i)))
	}
	l.server = httptest.NewServer(r.api)
	b.Cleanup(func() { l.client.CloseIdleConnections(); l.server.Close() })
	return l
}

// BenchmarkLoad is a service on loopback under load: requests a second, and the time under which 99 of 100 stay,
// of eight clients that share the machine with the service; and how long an event takes to all streams, with the
// memory of a stream, its client's share included.
func BenchmarkLoad(b *testing.B) {
	for _, profiles := range []int{4, 1000} {
		b.Run(fmt.Sprint("profiles=", profiles), func(b *testing.B) {
			l := newLoad(b, profiles)
			b.Run("snapshot", func(b *testing.B) { l.ask(b, "GET", "/snapshot", "") })
			b.Run("check", func(b *testing.B) { l.ask(b, "POST", "/orders/check", anOrder("5", "41")) })
			b.Run(fmt.Sprint("streams=", loadStreams), func(b *testing.B) {
				heard, each, end := l.listen(b)
				defer end()
				b.Run("snapshot", func(b *testing.B) { l.ask(b, "GET", "/snapshot", "") })
				b.Run("check", func(b *testing.B) { l.ask(b, "POST", "/orders/check", anOrder("5", "41")) })
				b.Run("event", func(b *testing.B) { l.tell(b, heard); b.ReportMetric(each, "B/stream") })
			})
		})
	}
}

// ask makes b.N requests from all clients.
func (l *load) ask(b *testing.B, method, path, body string) {
	times := make([]time.Duration, b.N)
	var next atomic.Int64
	var asking sync.WaitGroup
	b.ResetTimer()
	for range loadClients {
		asking.Go(func() {
			for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
				p := l.profiles[i%len(l.profiles)]
				began := time.Now()
				if err := l.once(method, "/profiles/"+string(p.ID)+path, body); err != nil {
					b.Error(err)
					return
				}
				times[i] = time.Since(began)
			}
		})
	}
	asking.Wait()
	b.StopTimer()
	slices.Sort(times)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(times[b.N*99/100].Microseconds()), "µs-p99")
}

// once makes one request.
func (l *load) once(method, path, body string) error {
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.server.URL+prefix+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer ann")
	req.Header.Set("Content-Type", "application/json")
	res, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", res.StatusCode, text)
	}
	return err
}

// listen opens the streams. heard gets a value for each event that a stream hears, each is the memory of a stream
// in bytes, and end closes the streams.
func (l *load) listen(b *testing.B) (heard chan struct{}, each float64, end func()) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	heard = make(chan struct{}, loadStreams)
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	for range loadStreams {
		conn, err := net.Dial("tcp", l.server.Listener.Addr().String())
		require.NoError(b, err)
		_, err = fmt.Fprintf(conn, "GET %s/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer ann\r\n\r\n", prefix, conn.RemoteAddr())
		require.NoError(b, err)
		open := make(chan struct{})
		reading.Go(func() {
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				switch line := lines.Text(); {
				case strings.HasPrefix(line, "retry:"):
					close(open)
				case strings.HasPrefix(line, "data:"):
					heard <- struct{}{}
				}
			}
		})
		<-open
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := func(m *runtime.MemStats) uint64 { return m.HeapAlloc + m.StackInuse }
	return heard, float64(used(&after)-used(&before)) / loadStreams, func() { cancel(); reading.Wait() }
}

// tell records b.N facts, one after another, and waits for each until all streams have heard of it.
func (l *load) tell(b *testing.B, heard chan struct{}) {
	portfolio := l.portfolio("ann", l.profiles[0].ID)
	for b.Loop() {
		l.facts++
		id := fmt.Sprint("deposit-", l.facts)
		_, err := portfolio.Record(owned("ann"), ledger.CashMovement{ID: id, Kind: ledger.Deposit, Currency: "USD", Amount: dec("1"), Time: desktest.Now})
		require.NoError(b, err)
		for range loadStreams {
			<-heard
		}
	}
}
