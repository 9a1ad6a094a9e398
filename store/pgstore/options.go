package pgstore

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// Option changes how a store works.
type Option func(*config)

type config struct {
	schema     schema
	listenDSN  string
	poll       time.Duration
	selfTest   time.Duration
	projection bool

	// lockLimit ends a transaction that holds a journal and asks nothing of the server for so long:
	// the process hangs, or the network is cut off and nobody tells the server.
	lockLimit string
	standbys  int           // how many synchronous standbys the server must wait for
	oldest    int64         // the timeline that the server must have reached
	patience  time.Duration // of Close
	retry     pgschema.Retry
}

// maxTries bounds how often a statement is repeated that the server gave up for another's sake, or
// refused for no reason that can be found. With the pauses in between that takes some two seconds.
const maxTries = 50

func configOf(opts []Option) (config, error) {
	c := config{schema: DefaultSchema, poll: time.Second, selfTest: selfTestLimit, projection: true, lockLimit: lockLimit,
		patience: 10 * time.Second, retry: pgschema.Retry{Tries: maxTries, First: time.Millisecond}}
	for _, o := range opts {
		o(&c)
	}
	if err := c.checkRequirements(); err != nil {
		return c, err
	}
	if c.listenDSN != "" {
		if _, err := pgschema.Config(c.listenDSN); err != nil {
			return c, fmt.Errorf("listen: %w", err)
		}
	}
	return c, pgschema.Name(c.schema).Validate()
}

func nameOf(opts []Option) (pgschema.Name, error) {
	c, err := configOf(opts)
	return pgschema.Name(c.schema), err
}

// WithSchema names the schema of the tables, "trading" by default: 1 to 50 lower-case letters,
// digits and underscores, else accounts.ErrInvalid.
func WithSchema(name string) Option { return func(c *config) { c.schema = schema(name) } }

// WithListenDSN names the server for Watch, which keeps one connection of its own: directly, where
// the pool leads through a pooler, and at all where the pool was handed to New. Without it, and
// where it turns out that notifications do not come through, Watch asks the database instead, every
// WithPollInterval, and tries to listen again every ten minutes. accounts.ErrInvalid from New and
// Open for a data source name that Open would refuse.
func WithListenDSN(dsn string) Option { return func(c *config) { c.listenDSN = dsn } }

// WithPollInterval says how often Watch asks where it cannot listen; a second by default, and not
// less than a millisecond.
func WithPollInterval(d time.Duration) Option {
	return func(c *config) { c.poll = max(d, time.Millisecond) }
}

// WithoutProjection keeps no rows in positions and trades: for a site whose own tables of these
// names have columns that rows of the library could not fill. The journals are complete all the
// same.
func WithoutProjection() Option { return func(c *config) { c.projection = false } }
