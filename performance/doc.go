// Package performance works out how a profile did: returns, drawdown, ratios and trade statistics.
//
// A [History] follows a journal by [History.Follow]: equity points, trades with what they closed,
// and fees. [History.Report] makes the [Report] of a [Window]. A [Metric] names a figure of a
// report that profiles can be ranked by. The formulas and their sources are at the fields of
// [Report].
//
// Figures are taken from equity points, so their quality depends on how often equity is recorded.
// Money is exact, in the profile's base currency; ratios are float64. The package knows no profile,
// no journal and no mark: Portfolio.Performance and MultiAccountManager.Compare of package accounts
// keep histories and compare profiles.
//
// Files, in the order in which to read them: report (what is worked out), history (from what),
// statistics (from equity points), trades (from trades and closings), metric.
package performance
