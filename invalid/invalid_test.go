package invalid_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/invalid"
)

func TestError(t *testing.T) {
	v := &invalid.Error{What: "profile"}
	v.Check(true, "ID", "is empty")
	require.NoError(t, v.Err(), "nothing was found wrong")
	v.Check(false, "Name", "%.3q is too long", "abcdef")
	v.Add("Mode", "is unknown")
	err := v.Err()
	require.EqualError(t, err, `invalid profile: Name "abc" is too long; Mode is unknown`)
	require.ErrorIs(t, err, invalid.Err)
	var list *invalid.Error
	require.ErrorAs(t, fmt.Errorf("create: %w", err), &list)
	require.Equal(t, []invalid.Field{{Name: "Name", Problem: `"abc" is too long`}, {Name: "Mode", Problem: "is unknown"}}, list.Fields)
	v.Add("Status", "is unknown")
	require.Len(t, list.Fields, 2, "the error changed after it was returned")
}
