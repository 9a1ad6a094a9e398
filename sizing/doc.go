// Package sizing says how much of a signal each profile takes.
//
// A [Sizer] gets a [Sizing], with the signal's odds and the profile's equity and limits, and
// returns the exposure of the order in base currency. MultiAccountManager.Route of package accounts
// makes the order: whole units, rounded down, and held against the profile's limits afterwards.
// Sizers of this package: [FixedFraction], which Route uses by default, [FixedNotional],
// [ConfidenceWeighted], [VolatilityTarget] and [FractionalKelly]. [Func] makes a sizer of a
// function.
//
// The package knows no positions, no marks and no profile beyond its id. Its sizers are plain
// values and safe for concurrent use. Read sizing.go, then sizers.go.
package sizing
