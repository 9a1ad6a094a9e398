package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// The keys of what is logged besides time, level and message.
const (
	keyProfile   = "profile"   // the profile's id
	keySeq       = "seq"       // a sequence number of the profile's journal
	keyErr       = "err"       // the text of an error
	keyAttempt   = "attempt"   // how often it was tried
	keyEntries   = "entries"   // how many entries
	keyDuplicate = "duplicate" // the journal had a key already; else it had moved on
	keyHook      = "hook"      // the number of an OnSwitch hook, from 1 on
	keyUndo      = "undo"      // the hook was called the other way around
)

// logAt writes one line. A handler that panics must not take down whom others wait for.
func (t *telemetry) logAt(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	defer func() {
		if recover() != nil {
			t.panics.Add(1)
		}
	}()
	t.log.LogAttrs(ctx, level, text, attrs...)
}

// panicked counts an observer's panic, and logs the first: it will panic at every call.
func (t *telemetry) panicked(ctx context.Context, value any) {
	t.panics.Add(1)
	if t.told.CompareAndSwap(false, true) {
		t.logAt(ctx, slog.LevelError, "observer panicked",
			slog.String(keyErr, harmless(fmt.Sprint(value))))
	}
}

func profileAttr(id ProfileID) slog.Attr { return slog.String(keyProfile, string(id)) }

// errAttr is an error as it is logged.
func errAttr(err error) slog.Attr {
	if errors.Is(err, ErrCorrupt) { // the reason may quote a payload
		err = ErrCorrupt
	}
	return slog.String(keyErr, harmless(err.Error()))
}

// accountText finds a broker's account ids in a text.
var accountText = regexp.MustCompile(`\bD?[UFI][0-9]{4,}\b`)

// harmless is a text of a store's or a hook's without account ids, and of limited length.
func harmless(text string) string {
	const most = 1000
	text = accountText.ReplaceAllString(text, "(account)")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// seqOf is the entry that an ErrCorrupt is about, 0 if it does not say.
func seqOf(err error) int64 {
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		return corrupt.Seq
	}
	return 0
}

// logCorrupt logs that a journal cannot be trusted, where that is what the error says.
func (t *telemetry) logCorrupt(ctx context.Context, id ProfileID, err error) {
	if errors.Is(err, ErrCorrupt) {
		t.logAt(ctx, slog.LevelError, "journal is corrupt", profileAttr(id),
			slog.Int64(keySeq, seqOf(err)), errAttr(err))
	}
}

// tryLevel is the level for the nth failure in a row of what is tried for ever: the first counts.
func tryLevel(attempt int) slog.Level {
	if attempt == 1 {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}
