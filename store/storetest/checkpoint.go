package storetest

import (
	"fmt"
	"math"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func checkpointChecks() []check {
	return []check{
		{"Checkpoint returns the profile's newest checkpoint", checkCheckpoint},
		{"Checkpoint returns the newest of any slot up to an entry", checkUpTo},
		{"Checkpoint is ErrNoCheckpoint when none was saved", checkNoCheckpoint},
		{"checkpoints of an unknown profile are a miss", checkCheckpointMiss},
		{"SaveCheckpoint ignores an older one without an error", checkOlderCheckpoint},
		{"SaveCheckpoint replaces one of the same Seq", checkSameCheckpoint},
		{"SaveCheckpoint keeps one in each slot", checkSlots},
		{"SaveCheckpoint refuses another slot", checkSlotRange},
		{"of checkpoints saved at once the newest stays", checkConcurrentCheckpoints},
	}
}

// newest is an upTo that no checkpoint lies above.
const newest = math.MaxInt64

// checkpoint returns a checkpoint of slot 0 whose state no text column would keep.
func checkpoint(id accounts.ProfileID, seq int64, state string) accounts.Checkpoint {
	return accounts.Checkpoint{
		ProfileID: id, Seq: seq, Hash: accounts.Hash{0: byte(seq), 31: 255},
		State: append([]byte(state), 0, 0xff, 0xfe, '\n', 0),
	}
}

func save(t T, s accounts.Store, c accounts.Checkpoint) {
	t.Helper()
	require.NoError(t, s.SaveCheckpoint(t.Context(), c), "SaveCheckpoint of %q at %d failed", c.ProfileID, c.Seq)
}

func requireCheckpoint(t T, s accounts.Store, want accounts.Checkpoint, message string) {
	t.Helper()
	got, err := s.Checkpoint(t.Context(), want.ProfileID, newest)
	require.NoError(t, err, message)
	require.Equal(t, want, got, message)
}

// "Checkpoint returns the profile's newest checkpoint."
func checkCheckpoint(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	for seq := int64(1); seq <= 1_000; seq *= 10 {
		save(t, s, checkpoint("p", seq, "p"))
		save(t, s, checkpoint("q", seq+1, "q"))
		requireCheckpoint(t, s, checkpoint("p", seq, "p"), "not the profile's newest checkpoint")
		requireCheckpoint(t, s, checkpoint("q", seq+1, "q"), "not the profile's newest checkpoint")
	}
}

// "ErrNoCheckpoint when none was saved".
func checkNoCheckpoint(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	save(t, s, checkpoint("q", 1, ""))
	_, err := s.Checkpoint(t.Context(), "p", newest)
	require.ErrorIs(t, err, accounts.ErrNoCheckpoint, "a profile has a checkpoint that was never saved")
}

// "ErrProfileNotFound on a miss", of both methods.
func checkCheckpointMiss(t T, s accounts.Store) {
	create(t, s, profile("p"))
	require.ErrorIs(t, s.SaveCheckpoint(t.Context(), checkpoint("unknown", 1, "")), accounts.ErrProfileNotFound,
		"an unknown profile's checkpoint was saved")
	_, err := s.Checkpoint(t.Context(), "unknown", newest)
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "an unknown profile is not a miss")
	create(t, s, profile("unknown"))
	_, err = s.Checkpoint(t.Context(), "unknown", newest)
	require.ErrorIs(t, err, accounts.ErrNoCheckpoint, "a refused checkpoint was saved")
}

// slotted returns a checkpoint of the slot.
func slotted(slot int, seq int64) accounts.Checkpoint {
	c := checkpoint("p", seq, fmt.Sprint("slot ", slot))
	c.Slot = slot
	return c
}

// "Checkpoint returns the profile's newest checkpoint, of any slot, whose Seq is upTo or less."
// "ErrNoCheckpoint when there is none".
func checkUpTo(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	none := func(upTo int64) {
		t.Helper()
		_, err := s.Checkpoint(t.Context(), "p", upTo)
		require.ErrorIs(t, err, accounts.ErrNoCheckpoint, "there is a checkpoint up to entry %d", upTo)
	}
	save(t, s, checkpoint("q", 50, "another profile's"))
	none(newest)
	for slot, seq := range []int64{70, 1000, 7, 100} { // in no order
		save(t, s, slotted(slot, seq))
	}
	for upTo, want := range map[int64]accounts.Checkpoint{
		7: slotted(2, 7), 8: slotted(2, 7), 69: slotted(2, 7), 70: slotted(0, 70), 99: slotted(0, 70), 100: slotted(3, 100),
		999: slotted(3, 100), 1000: slotted(1, 1000), 1001: slotted(1, 1000), newest: slotted(1, 1000),
	} {
		got, err := s.Checkpoint(t.Context(), "p", upTo)
		require.NoError(t, err, "there is no checkpoint up to entry %d", upTo)
		require.Equal(t, want, got, "not the newest checkpoint up to entry %d", upTo)
	}
	for _, upTo := range []int64{6, 1, 0, -1, math.MinInt64} {
		none(upTo)
	}
}

// "SaveCheckpoint keeps a checkpoint of the profile in its slot, from 0 to MaxSlot", whatever is in
// the others.
func checkSlots(t T, s accounts.Store) {
	create(t, s, profile("p"))
	seq := func(slot int) int64 { return 10 * int64(accounts.MaxSlot-slot+1) } // older in a higher slot
	for slot := range accounts.MaxSlot + 1 {
		save(t, s, slotted(slot, seq(slot)))
		save(t, s, slotted(slot, seq(slot)-9))
	}
	for slot := range accounts.MaxSlot + 1 {
		got, err := s.Checkpoint(t.Context(), "p", seq(slot)+9)
		require.NoError(t, err, "the checkpoint of slot %d is gone", slot)
		require.Equal(t, slotted(slot, seq(slot)), got, "not the checkpoint of slot %d", slot)
	}
	save(t, s, slotted(7, seq(0)+1))
	got, err := s.Checkpoint(t.Context(), "p", seq(7))
	require.NoError(t, err, "Checkpoint failed")
	require.Equal(t, slotted(8, seq(8)), got, "the older checkpoint of a slot is still there")
}

// "ErrInvalid for another slot".
func checkSlotRange(t T, s accounts.Store) {
	create(t, s, profile("p"))
	for _, slot := range []int{-1, accounts.MaxSlot + 1, 1 << 20, math.MinInt32} {
		require.ErrorIs(t, s.SaveCheckpoint(t.Context(), slotted(slot, 1)), accounts.ErrInvalid, "there is a slot %d", slot)
	}
	_, err := s.Checkpoint(t.Context(), "p", newest)
	require.ErrorIs(t, err, accounts.ErrNoCheckpoint, "a refused checkpoint was saved")
}

// "An older one than the stored of the slot (by Seq) is ignored without an error".
func checkOlderCheckpoint(t T, s accounts.Store) {
	create(t, s, profile("p"))
	save(t, s, checkpoint("p", 10, "newest"))
	for _, seq := range []int64{9, 1, 0} {
		save(t, s, checkpoint("p", seq, "older"))
		requireCheckpoint(t, s, checkpoint("p", 10, "newest"), "an older checkpoint replaced a newer one")
	}
}

// "the same Seq replaces it."
func checkSameCheckpoint(t T, s accounts.Store) {
	create(t, s, profile("p"))
	save(t, s, checkpoint("p", 10, "first"))
	second := checkpoint("p", 10, "second")
	second.Hash = accounts.Hash{1}
	save(t, s, second)
	requireCheckpoint(t, s, second, "a checkpoint of the same Seq did not replace the stored one")
}

// "Safe for concurrent use": in whatever order they arrive, none replaces a newer one.
func checkConcurrentCheckpoints(t T, s accounts.Store) {
	create(t, s, profile("p"))
	const savers, each = 8, 25
	ctx, errs := t.Context(), make([]error, savers)
	var wg sync.WaitGroup
	for g := range savers {
		wg.Go(func() {
			for i := each; i >= 1 && errs[g] == nil; i-- { // downwards: older ones come last
				errs[g] = s.SaveCheckpoint(ctx, checkpoint("p", int64(i*savers+g), "p"))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err, "SaveCheckpoint failed")
	}
	requireCheckpoint(t, s, checkpoint("p", each*savers+savers-1, "p"), "an older checkpoint replaced a newer one")
}
