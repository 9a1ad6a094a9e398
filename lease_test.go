package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

// One process works the broker while it has the lease. It renews well before the lease ends, and counts
// from before it asked.
func ExampleLeaseStore() {
	ctx := context.Background()
	var store accounts.LeaseStore = memstore.New() // or pgstore, which processes share
	const ttl = 10 * time.Second

	asked := time.Now()
	lease, err := store.Lease(ctx, "broker", "process 1", ttl)
	mine := func() bool { return time.Since(asked) < ttl }
	fmt.Println(lease.Fence, err, mine())

	_, err = store.Lease(ctx, "broker", "process 2", ttl)
	fmt.Println(errors.Is(err, accounts.ErrLeased))

	if err := store.EndLease(ctx, lease); err != nil {
		fmt.Println(err)
	}
	lease, err = store.Lease(ctx, "broker", "process 2", ttl)
	fmt.Println(lease.Fence, err)
	// Output:
	// 1 <nil> true
	// true
	// 2 <nil>
}

// What is wrong with a lease is told all at once.
func TestCheckLeaseNamesEveryField(t *testing.T) {
	require.NoError(t, accounts.CheckLease("name", "holder", accounts.MinLease))
	err := accounts.CheckLease("", strings.Repeat("h", 101), accounts.MaxLease+1)
	require.ErrorIs(t, err, accounts.ErrInvalid)
	var wrong *accounts.ValidationError
	require.ErrorAs(t, err, &wrong)
	var fields []string
	for _, f := range wrong.Fields {
		fields = append(fields, f.Name)
	}
	require.Equal(t, []string{"Name", "Holder", "TTL"}, fields, "the fields that are wrong")
}

func TestLeasedErrorSaysWhoHasTheLease(t *testing.T) {
	err := error(&accounts.LeasedError{Name: "broker", Holder: "process 1", Left: 3 * time.Second})
	require.ErrorIs(t, err, accounts.ErrLeased)
	require.EqualError(t, err, `another holder has the lease: "broker" is "process 1"'s for another 3s`)
}
