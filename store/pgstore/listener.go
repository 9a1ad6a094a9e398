package pgstore

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/ai-ots/accounts/internal/pgschema"
)

const (
	pingInterval   = 30 * time.Second // how often an idle connection is asked whether it is still there
	selfTestLimit  = 3 * time.Second  // how long the first notification may take
	deafTime       = 10 * time.Minute // how long not to try again where none came
	connectTimeout = "5"              // seconds
	answerLimit    = 30 * time.Second // how long a connection that is open may say nothing to what it is asked
)

// channel is what the store notifies and listens on.
func (s *Store) channel() string { return "accounts_" + string(s.schema) }

// listener is a connection of its own that listens. A nil listener is none.
type listener struct {
	conn  *pq.ListenerConn
	notes chan *pq.Notification
	pings sync.WaitGroup
}

// errDeaf is returned where listening seems to work and nothing is heard: behind a pooler.
var errDeaf = errors.New("notifications do not come through")

// listen opens the connection and tries it out, since a pooler fails without an error. It returns
// nil where there is nothing to listen on or nothing comes through: then the watcher asks.
func (w *watcher) listen(ctx context.Context) (*listener, error) {
	s := w.store
	if s.listenDSN == "" || time.Now().Before(w.deafUntil) {
		return nil, nil
	}
	dsn := withConnectTimeout(s.listenDSN)
	if _, err := pq.NewConnector(dsn); err != nil {
		return nil, errDSN // the parser's error may hold the password
	}
	l := &listener{notes: make(chan *pq.Notification, 256)}
	var err error
	if l.conn, err = pq.NewListenerConn(dsn, l.notes); err != nil {
		return nil, err
	}
	ctx, done := w.hangUpAfter(ctx, l)
	defer done()
	if _, err = l.conn.Listen(s.channel()); err == nil {
		err = l.test(ctx, s)
	}
	if err != nil {
		l.close()
		if errors.Is(err, errDeaf) { // a test at every turn would hold up the asking
			err, w.deafUntil = nil, time.Now().Add(deafTime)
		}
		return nil, err
	}
	return l, nil
}

// hangUpAfter closes the connection when ctx ends or the watcher does, or when it takes too long:
// lib/pq waits for its answers whatever comes. done ends that.
func (w *watcher) hangUpAfter(ctx context.Context, l *listener) (_ context.Context, done func()) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	stopClosing := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	stopWatching := context.AfterFunc(w.ctx, cancel)
	return ctx, func() {
		stopWatching()
		stopClosing()
		cancel()
	}
}

// test sends a notification through the pool and waits until it is heard. What else is heard before
// is no loss: a snapshot follows.
func (l *listener) test(ctx context.Context, s *Store) error {
	nonce := `["test","` + uuid.NewString() + `"]`
	if _, err := pgschema.Ask(ctx, s.reads, func(ctx context.Context, q querier) (int64, error) {
		return affectOn(ctx, q, `SELECT pg_notify($1, $2)`, []any{s.channel(), nonce})
	}); err != nil {
		return err
	}
	limit := time.NewTimer(s.selfTest)
	defer limit.Stop()
	for {
		select {
		case n, open := <-l.notes:
			switch {
			case !open:
				return errors.New("connection for notifications was lost")
			case n != nil && n.Extra == nonce:
				return nil
			}
		case <-limit.C:
			return errDeaf
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ping finds out whether the connection is still there, and closes it if not. It does so on the
// side: its answer comes behind whatever waits to be read. One that does not come is a no.
func (l *listener) ping() {
	l.pings.Go(func() {
		hangUp := time.AfterFunc(answerLimit, func() { _ = l.conn.Close() })
		defer hangUp.Stop()
		if l.conn.Ping() != nil {
			_ = l.conn.Close()
		}
	})
}

// close ends the connection and its goroutine, which may want to get rid of what it read.
func (l *listener) close() {
	if l == nil {
		return
	}
	_ = l.conn.Close()
	for range l.notes {
	}
	l.pings.Wait()
}

// withConnectTimeout returns the data source name with a limit for connecting, unless it has one.
func withConnectTimeout(dsn string) string {
	if strings.Contains(dsn, "connect_timeout") {
		return dsn
	}
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		q := u.Query()
		q.Set("connect_timeout", connectTimeout)
		u.RawQuery = q.Encode()
		return u.String()
	}
	return dsn + " connect_timeout=" + connectTimeout
}
