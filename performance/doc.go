// Package performance works out how a profile did: returns, drawdown, ratios and trade statistics.
//
// A [History] follows a journal by [History.Follow]: equity points, trades with what they closed,
// and fees. [History.Report] makes the [Report] of a [Window]. A [Metric] names a figure of a
// report that profiles can be ranked by, and its [Definition] says what it is. The formulas, their
// sources, and where empyrical, quantstats and PerformanceAnalytics differ, are at the fields of
// [Report].
//
// Figures are taken from equity points, so their quality depends on how often equity is recorded.
// Statistics need points without gaps: one on every trading day, or in every week, month, quarter
// or year; see [Period]. Trading days are those of the New York Stock Exchange for profiles in its
// time zone and Chicago's, and Monday to Friday for others. Points that
// [ledger.EquityPoint.Notional] is missing from have no exposure and no turnover. Money is exact,
// in the profile's base currency; ratios are float64. The package knows no profile, no journal and
// no mark: Portfolio.Performance and MultiAccountManager.Compare of package accounts keep histories
// and compare profiles.
//
// Files, in the order in which to read them: report (what is worked out), history (from what),
// statistics (from equity points), periods and calendar (what a return is of), trades (from trades
// and closings), metric.
package performance
