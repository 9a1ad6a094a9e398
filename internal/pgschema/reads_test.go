package pgschema

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// stuck is a read that hears no end, as a driver's may be.
func stuck(begun, letGo chan struct{}, ended *context.Context) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		*ended = ctx
		close(begun)
		<-letGo
		return 1, nil
	}
}

func TestReadsReturnTheirAnswer(t *testing.T) {
	r := NewReads(nil, nil)
	got, err := Read(t.Context(), r, func(context.Context) (int, error) { return 7, errRefused })
	require.ErrorIs(t, err, errRefused)
	require.Equal(t, 7, got, "the value")
	_, err = Read(ended(t), r, func(context.Context) (int, error) {
		t.Error("a read began under a context that has ended")
		return 0, nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.PanicsWithValue(t, "of a driver", func() {
		_, _ = Read(t.Context(), r, func(context.Context) (int, error) { panic("of a driver") })
	}, "the caller does not hear of a panic")
	_, err = Read(t.Context(), r, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
	require.ErrorIs(t, err, errNoAnswer, "a read that ended its goroutine")
	require.NoError(t, r.Close(t.Context()), "Close finds reads that are over")
	_, err = Read(t.Context(), r, func(context.Context) (int, error) { return 0, nil })
	require.ErrorIs(t, err, accounts.ErrClosed)
}

// A caller leaves a read that goes on; so does everybody at Close, which waits for the read itself.
func TestReadsAreLeft(t *testing.T) {
	for name, leaves := range map[string]struct {
		leave func(*Reads, context.CancelFunc)
		is    error
	}{
		"end of the context": {func(_ *Reads, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"Close":              {func(r *Reads, _ context.CancelFunc) { _ = r.Close(ended(t)) }, accounts.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			r, begun, letGo := NewReads(nil, nil), make(chan struct{}), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var inner context.Context
			result := make(chan error, 1)
			go func() {
				_, err := Read(ctx, r, stuck(begun, letGo, &inner))
				result <- err
			}()
			<-begun
			leaves.leave(r, cancel)
			require.ErrorIs(t, <-result, leaves.is, "the caller does not leave")
			<-inner.Done() // the read is told
			require.ErrorIs(t, r.Close(ended(t)), context.Canceled, "Close does not wait for the read")
			close(letGo)
			require.NoError(t, r.Close(t.Context()), "the read is over")
		})
	}
}

// Callers that keep leaving pile up so many reads and no more.
func TestReadsAreBounded(t *testing.T) {
	r, letGo := NewReads(nil, nil), make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	for range maxReads {
		begun := make(chan struct{})
		go func() {
			_, _ = Read(ctx, r, func(context.Context) (int, error) { close(begun); <-letGo; return 0, nil })
		}()
		<-begun
	}
	leave()
	waiting, stop := context.WithCancel(t.Context())
	context.AfterFunc(ctx, stop)
	_, err := Read(waiting, r, func(context.Context) (int, error) { t.Error("a read too many"); return 0, nil })
	require.ErrorIs(t, err, context.Canceled, "a read more")
	close(letGo)
	_, err = Read(t.Context(), r, func(context.Context) (int, error) { return 0, nil })
	require.NoError(t, err, "a read when others are over")
	require.NoError(t, r.Close(t.Context()))
}

func TestBroken(t *testing.T) {
	for _, c := range []struct {
		err    error
		broken bool
	}{
		{io.EOF, true}, {io.ErrUnexpectedEOF, true}, {net.ErrClosed, true},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true}, {&net.OpError{Op: "write", Err: syscall.EPIPE}, true},
		{&pq.Error{Code: adminShutdown}, true}, {&pq.Error{Code: idleSessionTimeout}, true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, false}, {&net.OpError{Op: "read", Err: context.DeadlineExceeded}, false},
		{&pq.Error{Code: TooManyConnections}, false}, {&pq.Error{Code: CannotConnectNow}, false}, {&pq.Error{Code: UniqueViolation}, false},
		{driver.ErrBadConn, false}, {context.Canceled, false}, {errRefused, false}, {nil, false},
	} {
		require.Equal(t, c.broken, Broken(c.err), "whether %v is of a connection that broke", c.err)
	}
}

// What found its connection broken runs again for each connection of the pool, and not for ever.
func TestPastBroken(t *testing.T) {
	pool, _, err := sqlmock.New()
	require.NoError(t, err)
	db := sqlx.NewDb(pool, "postgres")
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.PingContext(t.Context()), "connect")
	open := db.Stats().OpenConnections
	for _, c := range []struct {
		name  string
		again bool
		errs  []error // of the tries; the last stays
		tries int
		want  error
	}{
		{"success", true, []error{nil}, 1, nil},
		{"broken once", true, []error{io.EOF, nil}, 2, nil},
		{"broken for ever", true, []error{io.EOF}, 1 + open, io.EOF},
		{"broken, and something was sent", false, []error{io.EOF}, 1, io.EOF},
		{"refused", true, []error{errRefused}, 1, errRefused},
	} {
		tries := 0
		err := PastBroken(t.Context(), db, func() (bool, error) {
			tries++
			return c.again, c.errs[min(tries, len(c.errs))-1]
		})
		require.ErrorIs(t, err, c.want, c.name)
		require.Equal(t, c.tries, tries, "tries: %s", c.name)
	}
	tries := 0
	err = PastBroken(ended(t), db, func() (bool, error) { tries++; return true, io.EOF })
	require.True(t, errors.Is(err, io.EOF) && tries == 1, "tries under a context that has ended: %d, %v", tries, err)
}
