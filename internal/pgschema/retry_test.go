package pgschema

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func TestRetry(t *testing.T) {
	conflict, deadlock := &pq.Error{Code: SerializationFailure}, &pq.Error{Code: DeadlockDetected}
	other := errors.New("no space left")
	for name, test := range map[string]struct {
		errs  []error // of the tries; the last of them stays
		want  error
		tries int
	}{
		"success":             {[]error{nil}, nil, 1},
		"another error":       {[]error{other}, other, 1},
		"conflicts that pass": {[]error{conflict, deadlock, conflict, nil}, nil, 4},
		"then another error":  {[]error{conflict, other}, other, 2},
		"one that lasts":      {[]error{conflict}, accounts.ErrConflict, 40},
		"deadlocks that last": {[]error{deadlock}, accounts.ErrConflict, 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				err := Retry{Tries: 40, First: time.Millisecond}.Do(t.Context(), func() error {
					tries++
					return test.errs[min(tries, len(test.errs))-1]
				})
				require.ErrorIs(t, err, test.want)
				require.Equal(t, test.tries, tries, "tries")
				if test.want == accounts.ErrConflict {
					require.ErrorContains(t, err, "gave up after 40 tries")
					require.ErrorIs(t, err, test.errs[0], "what the server said is lost")
				}
			})
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := Retry{Tries: 40, First: time.Hour}.Do(ctx, func() error {
		tries++
		cancel()
		return &pq.Error{Code: SerializationFailure}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, SerializationFailure, State(err), "what the server said is lost")
	require.Less(t, tries, 2, "tries go on under a context that has ended")
}
