package httpapi

import (
	"encoding/json"
	"reflect"

	"github.com/ai-ots/accounts"
)

var healthRoutes = []route{
	{method: "GET", path: "/openapi.json", id: "getDescription", tag: "service", raw: true,
		text: "Read this description.", action: just(getDescription)},
	{method: "GET", path: "//healthz", id: "getHealth", tag: "service", raw: true,
		text: "Ask whether the process is alive.", action: just(getHealth)},
	{method: "GET", path: "//readyz", id: "getReadiness", tag: "service", raw: true, codes: []Code{CodeUnavailable, CodeTimeout},
		text: "Ask whether the store answers, and the service is not about to stop.", action: just(getReadiness)},
}

// rawType is the type of an answer that is JSON already.
var rawType = reflect.TypeFor[json.RawMessage]()

func getDescription(c *call) (json.RawMessage, error) { return c.api.description, nil }

// health says that the service is well.
type health struct {
	Status healthStatus `json:"status"`
}

// healthStatus is a word.
type healthStatus string

func (healthStatus) describe(*reflector) *schema {
	return &schema{Type: types{"string"}, Enum: []string{"ok"}}
}

func getHealth(*call) (*health, error) { return &health{"ok"}, nil }

func getReadiness(c *call) (*health, error) {
	if err := c.stopping(); err != nil {
		return nil, err
	}
	if _, err := c.api.Manager.ListProfiles(accounts.AsSystem(c.ctx), accounts.ProfileFilter{Limit: 1}); err != nil {
		return nil, err
	}
	return &health{"ok"}, nil
}

// stopping returns a problem once the service is about to stop.
func (c *call) stopping() error {
	if c.api.life.Err() != nil {
		return newProblem(CodeUnavailable, "The service is about to stop.")
	}
	return nil
}
