package risk

import (
	"testing"
	"time"
)

// LoseNewYork makes the default zone one that cannot be loaded until the test ends: a machine
// without time zones, and a program that does not import time/tzdata.
func LoseNewYork(t *testing.T) {
	load := newYork
	t.Cleanup(func() { newYork = load })
	newYork = func() (*time.Location, error) { return loadZone("America/Atlantis") }
}
