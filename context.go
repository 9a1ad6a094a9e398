package accounts

import "context"

type (
	ownerKey   struct{}
	profileKey struct{}
	// switchKey marks the context of a manager's switch hooks.
	switchKey struct{ m *MultiAccountManager }
)

// WithOwner returns a context under which a manager shows this owner's profiles and no others:
// those of anybody else do not exist for it. An empty owner is one like any other: under it only
// the profiles without an owner exist. Set it where a request is authenticated.
func WithOwner(ctx context.Context, owner OwnerID) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

// OwnerFromContext returns the owner that WithOwner set; false when it was never called.
func OwnerFromContext(ctx context.Context) (OwnerID, bool) {
	owner, ok := ctx.Value(ownerKey{}).(OwnerID)
	return owner, ok
}

// WithProfile returns a context whose active profile is id, whatever is switched to meanwhile:
// under it ActiveProfile, and everything that takes an empty id for the active profile, means
// this one. It grants nothing: the context's owner must be the profile's. Under an empty id there
// is no active profile, rather than the stored one: a caller that lost an id must not trade on
// another account.
func WithProfile(ctx context.Context, id ProfileID) context.Context {
	return context.WithValue(ctx, profileKey{}, id)
}

// ProfileFromContext returns the profile that WithProfile set; false when it was never called.
func ProfileFromContext(ctx context.Context) (ProfileID, bool) {
	id, ok := ctx.Value(profileKey{}).(ProfileID)
	return id, ok
}
