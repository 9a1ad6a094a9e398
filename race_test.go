//go:build race

package accounts_test

// allocsOfRecord is how many allocations recording one fill takes at most.
const allocsOfRecord = 6.0
