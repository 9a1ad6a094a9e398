// Package endtoend has tests alone: processes that trade through the engine of package broker,
// package cpapi and a simulated gateway, on PostgreSQL, and are killed at every step; and how long
// orders and fills take on their way.
package endtoend
