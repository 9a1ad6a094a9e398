package pgstore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// room is the exposure that the profile may have, in units of the stock marked at 100.
const room = 50

var xyz = ledger.NewStock("XYZ", "USD")

// attempt is one call of another process, by the machine's clock. An order is for one unit or several.
type attempt struct {
	Begin, End int64
	Order      string
	Units      int64
	Release    bool
	Refused    bool
}

func (c attempt) describe() string { return fmt.Sprintf("%+v", c) }

// reserveChild is a process that reserves and releases as its seed says, and prints its calls when it
// is told to stop by the number of them.
func reserveChild() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "another process:", err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	s, err := Open(ctx, os.Getenv(childDSNEnv))
	fail(err)
	m, err := accounts.New(s)
	fail(err)
	p, err := m.Portfolio(ctx, testProfile(0).ID)
	fail(err)
	fail(p.Mark(ledger.Mark{Instrument: xyz, Price: udecimal.MustFromInt64(100, 0), Time: time.Now()}))
	fmt.Println("ready")
	if !bufio.NewScanner(os.Stdin).Scan() {
		os.Exit(1)
	}
	name := os.Getenv(childArgEnv)
	var held []attempt
	out := json.NewEncoder(os.Stdout)
	for n := range reservations {
		c := attempt{Order: fmt.Sprint(name, ".", n), Units: 1 + rand.Int64N(20), Begin: time.Now().UnixNano()}
		if len(held) > 0 && rand.IntN(2) == 0 {
			i := rand.IntN(len(held))
			c.Order, c.Units, c.Release = held[i].Order, held[i].Units, true
			held = slices.Delete(held, i, i+1)
			fail(p.Release(ctx, ledger.OrderID(c.Order), "test"))
		} else {
			_, err := p.Reserve(ctx, risk.Order{ID: ledger.OrderID(c.Order), Instrument: xyz,
				Quantity: udecimal.MustFromInt64(c.Units, 0), Price: udecimal.MustFromInt64(100, 0)})
			if c.Refused = errors.Is(err, accounts.ErrRefused); !c.Refused {
				fail(err)
				held = append(held, c)
			}
		}
		c.End = time.Now().UnixNano()
		fail(out.Encode(c))
	}
	os.Exit(0)
}

// reservations is how many calls each process makes.
const reservations = 30

// Eight processes reserve against one limit. What they hold together never passes it, at no entry of
// the journal, and their answers fit one order in which the calls could have been made.
func TestProcessesShareALimit(t *testing.T) {
	t.Parallel()
	dsn := migrated.Database(t)
	s, err := Open(t.Context(), dsn)
	require.NoError(t, err, "Open failed")
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	prepareRoom(t, s)
	children := make([]*child, 8)
	for i := range children {
		children[i] = startChild(t, "reserve", dsn, fmt.Sprint("p", i))
	}
	for _, c := range children {
		require.True(t, c.lines.Scan(), "another process did not start")
	}
	for _, c := range children {
		_, err := fmt.Fprintln(c.stdin, "go")
		require.NoError(t, err, "tell another process to begin")
	}
	var history []porcupine.Operation
	accepted := 0
	for i, c := range children {
		for c.lines.Scan() {
			var x attempt
			require.NoError(t, json.Unmarshal(c.lines.Bytes(), &x), "%s", c.lines.Text())
			history = append(history, porcupine.Operation{ClientId: i, Input: x, Output: x.Refused, Call: x.Begin, Return: x.End})
			if !x.Refused && !x.Release {
				accepted++
			}
		}
		require.NoError(t, c.cmd.Wait(), "another process failed")
	}
	require.Len(t, history, len(children)*reservations, "calls are missing")
	requireWithinRoom(t, s, accepted)
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(roomModel, history, time.Minute), "the answers fit no order of the calls")
	require.NoError(t, s.Verify(t.Context(), testProfile(0).ID), "Verify failed")
	t.Logf("%d calls, %d accepted", len(history), accepted)
}

// prepareRoom creates the profile with its limit and capital.
func prepareRoom(t *testing.T, s *Store) {
	t.Helper()
	p := testProfile(0)
	limits := accounts.DefaultLimits(p.CapitalLevel, p.RiskTolerance)
	limits.PositionSize = risk.Limit{Amount: udecimal.MustFromInt64(room*100, 0)}
	limits.UnderlyingSize, limits.GrossExposure, limits.NetExposure = risk.Limit{}, risk.Limit{}, risk.Limit{}
	limits.OrderNotional, limits.OrdersPerMinute, limits.OrdersPerDay, limits.DuplicateWindow = risk.Limit{}, 0, 0, 0
	p.Limits = &limits
	m, err := accounts.New(s)
	require.NoError(t, err, "manager")
	defer func() { require.NoError(t, m.Close(), "Close failed") }()
	_, err = m.CreateProfile(t.Context(), p)
	require.NoError(t, err, "CreateProfile failed")
	portfolio, err := m.Portfolio(t.Context(), p.ID)
	require.NoError(t, err, "Portfolio failed")
	_, err = portfolio.Record(t.Context(), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD",
		Amount: udecimal.MustFromInt64(50_000, 0), Time: time.Now()})
	require.NoError(t, err, "RecordCash failed")
}

// requireWithinRoom walks the journal.
func requireWithinRoom(t *testing.T, s *Store, accepted int) {
	t.Helper()
	held, holds := map[ledger.OrderID]int64{}, 0
	var sum, most int64
	for e, err := range s.Entries(t.Context(), testProfile(0).ID, 0) {
		require.NoError(t, err, "Entries failed")
		f, err := e.Decode()
		require.NoError(t, err, "Decode failed")
		switch f := f.(type) {
		case *risk.Hold:
			units, err := f.Order.Quantity.Int64()
			require.NoError(t, err, "quantity")
			held[f.Order.ID], sum = units, sum+units
			holds++
		case *risk.Release:
			sum -= held[f.OrderID]
			delete(held, f.OrderID)
		}
		require.LessOrEqual(t, sum, int64(room), "after entry %d more is held than the limit", e.Seq)
		most = max(most, sum)
	}
	require.Equal(t, accepted, holds, "what was told to be accepted is not what is held")
	require.Greater(t, most, int64(room-20), "the limit was never tested")
}

// roomModel is the limit as one process would see it. Its state is what is held.
var roomModel = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		held, c := state.(int64), input.(attempt)
		switch {
		case c.Release:
			return true, held - c.Units
		case output.(bool):
			return held+c.Units > room, held
		}
		return held+c.Units <= room, held + c.Units
	},
	DescribeOperation: func(input, output any) string { return input.(attempt).describe() },
}
