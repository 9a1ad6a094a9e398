package cpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/ai-ots/accounts/broker"
)

// notification is an argument of the topic ntf: a notice, or a prompt, which is a question that
// waits for an answer.
type notification struct {
	Title   text              `json:"title"`
	Text    text              `json:"text"`
	Request text              `json:"reqId"`
	Message text              `json:"messageId"`
	Prompt  boolean           `json:"prompt"`
	Options []json.RawMessage `json:"options"`
}

// asks reports whether the notification is a prompt.
func (n *notification) asks() bool { return bool(n.Prompt) || n.Request != "" || len(n.Options) > 0 }

// decodeNotifications reads the arguments of the topic ntf: one, as the documentation says, or a
// list, as gateways send. Of those that cannot be read, prompts alone matter.
func decodeNotifications(args json.RawMessage) (list []notification) {
	var rows []json.RawMessage
	if json.Unmarshal(args, &rows) != nil {
		rows = []json.RawMessage{args}
	}
	for _, row := range rows {
		var n notification
		switch err := json.Unmarshal(row, &n); {
		case err == nil:
			list = append(list, n)
		case bytes.Contains(row, []byte(`"reqId"`)):
			list = append(list, notification{Request: "unknown", Text: "something that cannot be read"})
		}
	}
	return list
}

// maxWords bounds what is passed on of the words of a prompt.
const maxWords = 300

// hearNotifications passes a prompt on to people, as the reason of the session's state for as long
// as the session lives. None but a person may answer one: it may agree to anything. The order that
// a prompt is about waits, and is in the list of orders.
func (c *Client) hearNotifications(epoch int64, args json.RawMessage) {
	for _, n := range decodeNotifications(args) {
		if !n.asks() {
			continue
		}
		words := fmt.Sprintf("the broker asks and waits for a person: %s %.*s", n.Message, maxWords, cmp.Or(n.Text, n.Title))
		c.mu.Lock()
		current := c.epoch == epoch && c.status.Usable()
		if current {
			c.prompt, c.status.Reason = words, words
		}
		c.mu.Unlock()
		if current {
			c.hint(broker.EventSession, "")
		}
	}
	c.hint(broker.EventOrders, "")
}
