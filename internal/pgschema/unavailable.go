package pgschema

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"syscall"

	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
)

// SQLSTATE codes of servers that do not serve.
const (
	TooManyConnections = "53300"
	ReadOnly           = "25006" // a standby, or made so
	CannotConnectNow   = "57P03"

	adminShutdown      = "57P01"
	crashShutdown      = "57P02"
	idleSessionTimeout = "57P05"

	featureNotSupported = "0A000"
	NoSuchDatabase      = "3D000"
)

// Lost reports whether an error tells nothing about what became of the statement: the connection
// was lost or never made, or a server or a pooler went down or let nobody in.
func Lost(err error) bool {
	if ofConnecting(err) {
		return true
	}
	if code := State(err); code != "" {
		return code == CompletionUnknown || code == TooManyConnections || code == NoSuchDatabase ||
			strings.HasPrefix(code, "08") || strings.HasPrefix(code, "57P") || strings.HasPrefix(code, "28")
	}
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pq.ErrSSLNotSupported) ||
		errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &network) && error(network) != context.DeadlineExceeded
}

// Broken reports whether an error says that a connection was there and is no longer: another one
// may do. It does not of driver.ErrBadConn, after which database/sql has tried a new connection
// already.
func Broken(err error) bool {
	if code := State(err); code != "" {
		return code == adminShutdown || code == crashShutdown || code == idleSessionTimeout
	}
	var op *net.OpError
	return !ofConnecting(err) && (errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &op) && (op.Op == "read" || op.Op == "write") && !op.Timeout())
}

// Unavailable reports whether an error of a read, or of a write that was never sent, says that
// there is nobody to ask. Of a write that was sent, Lost says that its outcome is not known.
func Unavailable(err error) bool { return Lost(err) || HasState(err, ReadOnly) }

// NotBegun is the error of a transaction that did not begin. lib/pq asks for one that may write,
// which a standby refuses in words of its own.
func NotBegun(err error) error {
	if HasState(err, featureNotSupported) {
		return NotReached(err)
	}
	return err
}

// ofConnecting reports whether pgx could not connect. Nothing but the name tells, without pgx.
func ofConnecting(err error) bool {
	var wrapped interface{ Unwrap() error }
	for errors.As(err, &wrapped) {
		t := reflect.TypeOf(wrapped)
		if t.Kind() == reflect.Pointer && t.Elem().Name() == "ConnectError" && strings.HasSuffix(t.Elem().PkgPath(), "/pgconn") {
			return true
		}
		err = wrapped.Unwrap()
	}
	return false
}

// veiled is a driver's error without its text, which may tell where the database is and who asks.
type veiled struct {
	says  string
	cause error
}

func (e *veiled) Error() string { return e.says }

// Unwrap returns the driver's error, for errors.Is.
func (e *veiled) Unwrap() error { return e.cause }

// Veil returns an error that is the driver's, and says what happened and not where.
func Veil(err error) error {
	var known *veiled
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &veiled{saysOf(err), err}
}

// NotReached returns accounts.ErrUnavailable for an error of the driver's, without its text.
func NotReached(err error) error { return fmt.Errorf("%w: %w", accounts.ErrUnavailable, Veil(err)) }

// OutcomeUnknown returns accounts.ErrOutcomeUnknown for an error of the driver's, without its text.
func OutcomeUnknown(err error) error {
	return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, Veil(err))
}

func saysOf(err error) string {
	if code := State(err); code != "" {
		return fmt.Sprintf("%s (SQLSTATE %s)", saysOfState(code), code)
	}
	var network net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return "no server listens"
	case errors.As(err, &network) && network.Timeout():
		return "the server does not answer"
	case ofConnecting(err):
		return "connecting failed"
	}
	return "the connection was lost"
}

func saysOfState(code string) string {
	switch {
	case code == TooManyConnections:
		return "the server has too many connections"
	case code == ReadOnly, code == featureNotSupported:
		return "the server takes no writes"
	case code == NoSuchDatabase:
		return "the server has no such database"
	case code == CannotConnectNow:
		return "the server does not take connections now"
	case strings.HasPrefix(code, "57P"):
		return "the server or the session was shut down"
	case strings.HasPrefix(code, "28"):
		return "the server does not let this user in"
	case strings.HasPrefix(code, "08"):
		return "the connection was lost"
	}
	return "the server refused"
}
