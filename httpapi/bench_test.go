package httpapi

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ai-ots/accounts/internal/desktest"
)

// BenchmarkAPI is requests without a network, beside the same work asked of the library.
func BenchmarkAPI(b *testing.B) {
	r := newRig(b)
	p := r.profile("ann", "A", "DU1000001")
	at := prefix + "/profiles/" + string(p.ID)
	portfolio := r.portfolio("ann", p.ID)
	request := func(method, path, body string) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequest(method, path, strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Authorization", "Bearer ann")
				rec := httptest.NewRecorder()
				if r.api.ServeHTTP(rec, req); rec.Code != 200 {
					b.Fatal(rec.Body)
				}
			}
		}
	}
	b.Run("snapshot", request("GET", at+"/snapshot", ""))
	b.Run("snapshot, library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = portfolio.Snapshot()
		}
	})
	b.Run("check", request("POST", at+"/orders/check", anOrder("5", "41")))
	b.Run("check, library", func(b *testing.B) {
		b.ReportAllocs()
		for o := desktest.Order("", desktest.XYZ, "5", "41"); b.Loop(); {
			if !portfolio.Check(o).Allowed {
				b.Fatal("refused")
			}
		}
	})
}
