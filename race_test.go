//go:build race

package accounts_test

// allocsOfRecord is how many allocations recording one fill takes at most.
const allocsOfRecord = 4.0
