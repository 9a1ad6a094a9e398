package page

import (
	"slices"

	"github.com/ai-ots/accounts/httpapi"
)

// route is one page, or one act of a form. The table of routes is all there is: requests are served
// by it, and the tests walk it.
type route struct {
	method string
	path   string         // a pattern of net/http's ServeMux
	right  httpapi.Rights // zero for what needs no caller
	upload bool           // the body may be a file
	stream bool           // the answer goes on until one of both sides ends it
	at     string         // which entry of the menus is current; see layout.At
	run    func(c *call) error
}

// table returns the routes of all files.
func table() []route {
	return slices.Concat(
		staticRoutes, eventRoutes,
		accountRoutes, portfolioRoutes, positionRoutes, orderRoutes, activityRoutes, performanceRoutes, figureRoutes,
		statementRoutes, limitRoutes, moreRoutes,
		ticketRoutes, placeRoutes, tradingRoutes, switchRoutes, signInRoutes, createRoutes, editRoutes, limitEditRoutes, credentialRoutes, attachRoutes,
		uploadRoutes, downloadRoutes, signalRoutes,
	)
}

// Paths returns the paths of the pages, as patterns of net/http's ServeMux without their methods:
// each once.
func Paths() (list []string) {
	for _, r := range table() {
		if !slices.Contains(list, r.path) {
			list = append(list, r.path)
		}
	}
	return list
}
