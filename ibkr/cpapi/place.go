package cpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ai-ots/accounts/broker"
)

// QuestionError says that an order was not placed because the broker asked something that the
// client may not answer yes. It matches [broker.ErrRejected], and has a *[broker.RejectionError].
type QuestionError struct {
	Ref        broker.Ref `json:"ref"`
	MessageIDs []string   `json:"message_ids"` // empty if the question had none
	Text       string     `json:"text"`
}

func (e *QuestionError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the rejection.
func (e *QuestionError) Unwrap() error {
	return &broker.RejectionError{Ref: e.Ref, Reason: fmt.Sprintf("question %s answered no: %s", strings.Join(e.MessageIDs, ","), e.Text)}
}

// maxQuestions bounds how many questions one order is asked.
const maxQuestions = 8

// Place implements [broker.Broker]. IBKR remembers a Ref for a day, and the client those of its own
// process for two. An order in a contract that the broker does not know is rejected.
func (c *Client) Place(ctx context.Context, id broker.AccountID, t broker.Ticket) (broker.Ack, error) {
	a, err := c.beginOf(ctx, id)
	if err == nil {
		err = t.Validate()
	}
	if err != nil {
		return broker.Ack{}, err
	}
	switch may, err := c.mayTrade(&a); {
	case err != nil:
		return broker.Ack{}, err
	case !may:
		return broker.Ack{}, &broker.RejectionError{Ref: t.Ref, Reason: "the login may not trade in this account"}
	}
	if !c.refs.take(t.Ref, id) {
		return broker.Ack{}, fmt.Errorf("place order %q: %w", t.Ref, broker.ErrDuplicateRef)
	}
	ack, err := c.place(ctx, id, &t)
	switch {
	case err == nil:
		c.refs.named(t.Ref, ack.BrokerID)
		c.acknowledged(id, ack)
	case !errors.Is(err, broker.ErrOutcomeUnknown) && !errors.Is(err, broker.ErrDuplicateRef):
		c.refs.free(t.Ref)
	}
	if err == nil || errors.Is(err, broker.ErrOutcomeUnknown) { // it may have filled at once
		c.hint(broker.EventOrders, id)
		c.hint(broker.EventExecutions, id)
	}
	return ack, c.seen(err)
}

// place looks the contract up and sends the order.
func (c *Client) place(ctx context.Context, id broker.AccountID, t *broker.Ticket) (broker.Ack, error) {
	if err := c.prepare(ctx); err != nil {
		return broker.Ack{}, err
	}
	i := t.Order.Instrument
	if err := i.Normalize(); err != nil {
		return broker.Ack{}, err
	}
	conid, err := c.conid(ctx, i, prioOrder)
	if errors.Is(err, errNoContract) {
		return broker.Ack{}, &broker.RejectionError{Ref: t.Ref, Reason: err.Error()}
	}
	if err != nil {
		return broker.Ack{}, err
	}
	body, err := c.encode(id, conid, t)
	if err != nil {
		return broker.Ack{}, err
	}
	if err := c.ordering.lock(ctx, prioOrder); err != nil {
		return broker.Ack{}, c.ended(ctx, err)
	}
	defer c.ordering.unlock()
	return c.converse(ctx, t.Ref, request{method: http.MethodPost, path: pathOf("iserver", "account", string(id), "orders"),
		body: body, priority: prioOrder})
}

// converse sends an order and answers the questions about it. The caller holds the turnstile of
// orders.
func (c *Client) converse(ctx context.Context, ref broker.Ref, q request) (broker.Ack, error) {
	for range maxQuestions {
		r, sent, err := c.do(ctx, q)
		said, err := verdict(r, sent, err)
		if err != nil {
			return broker.Ack{}, named(err, ref)
		}
		if said.ack != nil {
			return *said.ack, nil
		}
		if !c.mayAnswer(said.question) {
			return broker.Ack{}, c.decline(ctx, ref, said.question)
		}
		q = answerTo(said.question, true)
	}
	return broker.Ack{}, &broker.RejectionError{Ref: ref, Reason: fmt.Sprintf("more than %d questions", maxQuestions)}
}

// mayAnswer reports whether every message of a question may be answered yes. One without an id may
// not.
func (c *Client) mayAnswer(q *question) bool {
	for _, id := range q.MessageIDs {
		if !slices.Contains(c.config.Answers, id) {
			return false
		}
	}
	return len(q.MessageIDs) > 0
}

// decline answers no and returns the error of the order. A question that is not answered places no
// order either: whether the answer arrived does not matter.
func (c *Client) decline(ctx context.Context, ref broker.Ref, q *question) error {
	_, _, _ = c.do(ctx, answerTo(q, false))
	return &QuestionError{Ref: ref, MessageIDs: q.MessageIDs, Text: strings.Join(q.Message, " ")}
}

// answerTo returns the request that answers a question. It must be the next one about orders.
func answerTo(q *question, yes bool) request {
	return request{method: http.MethodPost, path: pathOf("iserver", "reply", q.ID), body: map[string]bool{"confirmed": yes}, priority: prioReply}
}

// question is what the broker asks about an order.
type question struct {
	ID         string   `json:"id"`
	Message    []string `json:"message"`
	MessageIDs []string `json:"messageIds"`
}

// said is what the broker says of an order: one of the two.
type said struct {
	ack      *broker.Ack
	question *question
}

// refusedOrder is a refusal of an order, with the broker's words.
type refusedOrder struct{ words string }

func (e *refusedOrder) Error() string { return e.words }

// named gives a refusal the reference of its order.
func named(err error, ref broker.Ref) error {
	var refusal *refusedOrder
	if errors.As(err, &refusal) {
		return &broker.RejectionError{Ref: ref, Reason: refusal.words}
	}
	return fmt.Errorf("place order %q: %w", ref, err)
}

// verdict tells what has become of an order from what came back for it. Errors: *refusedOrder where
// the broker surely does not have the order, ErrDuplicateRef, ErrOutcomeUnknown, and what do
// returns where nothing was sent.
func verdict(r *reply, sent bool, err error) (said, error) {
	if err != nil {
		return said{}, lostAnswer(sent, err)
	}
	body, err := decodeSaid(r)
	var refusal *APIError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &refusal):
		return said{}, refusalOf(refusal)
	}
	return said{}, unknown(err)
}

// lostAnswer returns the error of a request that changes something, and that had no answer.
func lostAnswer(sent bool, err error) error {
	if sent {
		return unknown(err)
	}
	return err
}

// unknown returns an error that matches ErrOutcomeUnknown and no other sentinel.
func unknown(why error) error { return fmt.Errorf("%w: %v", broker.ErrOutcomeUnknown, why) }

// refusalOf returns the error of an order that was refused. Servers that are overloaded or broken
// do not say whether they passed the order on.
func refusalOf(e *APIError) error {
	switch {
	case e.Status == http.StatusUnauthorized || errors.Is(e, broker.ErrNotConnected) && e.Status < 500:
		return e // there is no session in which it could have been placed
	case e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout || e.Status >= 500 || e.Status >= 300 && e.Status < 400:
		return unknown(e)
	case isDuplicate(e.Reason):
		return fmt.Errorf("%w: %.200s", broker.ErrDuplicateRef, e.Reason)
	case e.Reason == "":
		return &refusedOrder{fmt.Sprintf("status %d", e.Status)}
	}
	return &refusedOrder{e.Reason}
}

// decodeSaid reads what the broker says of an order. Of its three shapes, the refusal is an
// *APIError.
func decodeSaid(r *reply) (said, error) {
	rows, err := list[struct {
		ID         text            `json:"id"`
		Message    json.RawMessage `json:"message"`
		MessageIDs []string        `json:"messageIds"`
		OrderID    text            `json:"order_id"`
		Status     text            `json:"order_status"`
	}](r)
	if err != nil {
		return said{}, err
	}
	if len(rows) == 1 {
		switch row := rows[0]; {
		case row.OrderID != "":
			return said{ack: &broker.Ack{BrokerID: string(row.OrderID), Status: statusOf(row.Status)}}, nil
		case row.ID != "":
			q := question{ID: string(row.ID), MessageIDs: row.MessageIDs}
			if json.Unmarshal(row.Message, &q.Message) != nil {
				q.Message = []string{wordsOf(row.Message)}
			}
			return said{question: &q}, nil
		}
	}
	return said{}, fmt.Errorf("%s: %w: it is neither an order nor a question", r.path, ErrUnreadable)
}
