package storetest

import (
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func checkpointChecks() []check {
	return []check{
		{"Checkpoint returns the profile's newest checkpoint", checkCheckpoint},
		{"Checkpoint is ErrNoCheckpoint when none was saved", checkNoCheckpoint},
		{"checkpoints of an unknown profile are a miss", checkCheckpointMiss},
		{"SaveCheckpoint ignores an older one without an error", checkOlderCheckpoint},
		{"SaveCheckpoint replaces one of the same Seq", checkSameCheckpoint},
		{"of checkpoints saved at once the newest stays", checkConcurrentCheckpoints},
	}
}

// checkpoint returns a checkpoint whose state no text column would keep.
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
	got, err := s.Checkpoint(t.Context(), want.ProfileID)
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
	_, err := s.Checkpoint(t.Context(), "p")
	require.ErrorIs(t, err, accounts.ErrNoCheckpoint, "a profile has a checkpoint that was never saved")
}

// "ErrProfileNotFound on a miss", of both methods.
func checkCheckpointMiss(t T, s accounts.Store) {
	create(t, s, profile("p"))
	require.ErrorIs(t, s.SaveCheckpoint(t.Context(), checkpoint("unknown", 1, "")), accounts.ErrProfileNotFound,
		"an unknown profile's checkpoint was saved")
	_, err := s.Checkpoint(t.Context(), "unknown")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "an unknown profile is not a miss")
	create(t, s, profile("unknown"))
	_, err = s.Checkpoint(t.Context(), "unknown")
	require.ErrorIs(t, err, accounts.ErrNoCheckpoint, "a refused checkpoint was saved")
}

// "An older one than the stored (by Seq) is ignored without an error".
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
