package cpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ai-ots/accounts/broker"
)

// Cancel implements [broker.Broker]. An order that was placed in this process in the last hours is
// cancelled at once; any other is looked up among the account's orders first.
func (c *Client) Cancel(ctx context.Context, id broker.AccountID, ref broker.Ref) error {
	if _, err := c.beginOf(ctx, id); err != nil {
		return err
	}
	none := fmt.Errorf("cancel order %.60q: %w", ref, broker.ErrOrderNotFound)
	if ref == "" {
		return none
	}
	if brokerID, ended, known := c.refs.known(ref, id); known {
		if ended {
			return none
		}
		return c.cancel(ctx, id, brokerID)
	}
	return c.cancelListed(ctx, id, none, func(o *liveOrder) bool { return broker.Ref(o.Ref) == ref })
}

// CancelByID implements [broker.Broker].
func (c *Client) CancelByID(ctx context.Context, id broker.AccountID, brokerID string) error {
	if _, err := c.beginOf(ctx, id); err != nil {
		return err
	}
	none := fmt.Errorf("cancel order %.60q: %w", brokerID, broker.ErrOrderNotFound)
	n, err := strconv.ParseInt(brokerID, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != brokerID { // −1 would cancel every order of the account
		return none
	}
	if c.refs.ours(brokerID, id) {
		return c.cancel(ctx, id, brokerID)
	}
	return c.cancelListed(ctx, id, none, func(o *liveOrder) bool { return int64(o.ID) == n })
}

// cancelListed cancels the orders of the account that work and for which is holds; none is the
// error if there are none.
func (c *Client) cancelListed(ctx context.Context, id broker.AccountID, none error, is func(*liveOrder) bool) error {
	c.mu.Lock()
	a := c.accounts[id]
	c.mu.Unlock()
	switch may, err := c.mayTrade(&a); {
	case err != nil:
		return err
	case !may:
		return none
	}
	rows, answer, err := c.liveOrders(ctx, id, prioCancel)
	if err != nil {
		return err
	}
	asked := false
	var errs []error
	for _, row := range rows {
		if is(&row) && !statusOf(row.Status).Terminal() {
			asked = true
			errs = append(errs, c.cancel(ctx, id, strconv.FormatInt(int64(row.ID), 10)))
		}
	}
	switch {
	case asked:
		return errors.Join(errs...)
	case !answer.Complete:
		return fmt.Errorf("%w: the list of orders is not complete", broker.ErrOutcomeUnknown)
	}
	return none
}

// cancelled is the answer to a cancellation. It says that the broker was asked, and not that the
// order has ended.
type cancelled struct {
	Message text   `json:"msg"`
	OrderID whole  `json:"order_id"`
	ConID   whole  `json:"conid"`
	Account string `json:"account"`
}

func decodeCancelled(r *reply) (cancelled, error) {
	var a cancelled
	if err := r.decode(&a); err != nil {
		return a, err
	}
	if a.Message == "" && a.OrderID == 0 {
		return a, fmt.Errorf("%s: %w: it does not say that the cancellation was submitted", r.path, ErrUnreadable)
	}
	return a, nil
}

// cancel asks for the cancellation of an order, once.
func (c *Client) cancel(ctx context.Context, id broker.AccountID, brokerID string) error {
	if err := c.ordering.lock(ctx, prioCancel); err != nil {
		return c.ended(ctx, err)
	}
	defer c.ordering.unlock()
	r, sent, err := c.do(ctx, request{method: http.MethodDelete, priority: prioCancel,
		path: pathOf("iserver", "account", string(id), "order", brokerID)})
	if err == nil {
		_, err = decodeCancelled(r)
	} else {
		err = lostAnswer(sent, err)
	}
	var refusal *APIError
	switch {
	case err == nil:
		c.hint(broker.EventOrders, id)
		return nil
	case errors.As(err, &refusal):
		err = refusalOf(refusal)
	case errors.Is(err, ErrUnreadable):
		err = unknown(err)
	}
	if words := (*refusedOrder)(nil); errors.As(err, &words) {
		err = fmt.Errorf("%w: %.200s", broker.ErrOrderNotFound, words)
	}
	return fmt.Errorf("cancel order %.60q: %w", brokerID, c.seen(err))
}
