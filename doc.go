// Package accounts lets one trading system run many Interactive Brokers accounts, none of which
// ever touches another.
package accounts
