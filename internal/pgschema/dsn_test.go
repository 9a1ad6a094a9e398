package pgschema

import (
	"strconv"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// A data source name that lib/pq reads as something else is refused, and its secrets told to nobody.
func TestMisreadDataSourceNames(t *testing.T) {
	for dsn, says := range map[string]string{
		"postgres://me:hunter2@h1:5432,h2:5432/db":                                              "a port in the name of a host",
		"postgres://me:hunter2@h1:5432,h2:5432/db?target_session_attrs=read-write":              "a port in the name of a host",
		"postgres://me:hunter2@[::1]:5432,[::1]:5433/db?target_session_attrs=read-write":        "data source name",
		"host=h1:5432 password=hunter2":                                                         "a port in the name of a host",
		"host=h1,h2:5433 password=hunter2 target_session_attrs=read-write":                      "a port in the name of a host",
		"postgres://me:hunter2@h1,h2/db":                                                        "target_session_attrs",
		"host=h1,h2 password=hunter2":                                                           "target_session_attrs",
		"host=h1,h2 password=hunter2 target_session_attrs=any":                                  "target_session_attrs",
		"host=h1,h2 password=hunter2 target_session_attrs=prefer-standby":                       "target_session_attrs",
		"postgres://me:hunter2@h1/db?host=h2":                                                   "names host twice",
		"postgres://me:hunter2@h1:5432/db?port=5433":                                            "names port twice",
		"postgres://me:hunter2@h1/db?password=hunter2":                                          "names password twice",
		"postgres://me:hunter2@h1/db?sslmode=disable&sslmode=require":                           "names a parameter twice",
		"postgres://me:hunter2@h1:5432,h2/db":                                                   "cannot be read",
		"host=h1,h2 port=1,2,3 password=hunter2 target_session_attrs=read-write":                "cannot be read",
		"host=h1,h2 password=hunter2 target_session_attrs=primary load_balance_hosts=sometimes": "cannot be read",
	} {
		_, err := Config(dsn)
		require.ErrorIs(t, err, accounts.ErrInvalid, dsn)
		require.ErrorIs(t, err, ErrDSN, dsn)
		require.ErrorContains(t, err, says, dsn)
		require.NotContains(t, err.Error(), "hunter2", "the error tells the password")
		_, err = Open(dsn)
		require.ErrorIs(t, err, ErrDSN, "Open: %s", dsn)
	}
}

// What lib/pq reads as it is meant goes through, lists among them.
func TestDataSourceNamesThatAreReadRight(t *testing.T) {
	for dsn, hosts := range map[string][]string{
		"postgres://me@h1:5432/db?sslmode=disable": {"h1:5432"},
		"postgres://me@[::1]:5433/db":              {"::1:5433"},
		"host=::1":                                 {"::1:5432"},
		"host=/run/a:b port=5433":                  {"/run/a:b:5433"},
		"host=@abstract":                           {"@abstract:5432"},
		"host=h1,h2 port=5432,5433 target_session_attrs=read-write":                    {"h1:5432", "h2:5433"},
		"host=/run/a,/run/b target_session_attrs=primary":                              {"/run/a:5432", "/run/b:5432"},
		"postgres://me@h1,h2/db?port=5432,5433&target_session_attrs=read-write":        {"h1:5432", "h2:5433"},
		"postgres://me@h1,h2:5433/db?target_session_attrs=read-write":                  {"h1:5433", "h2:5433"},
		"postgres:///db?host=h1,h2&target_session_attrs=read-write&connect_timeout=10": {"h1:5432", "h2:5432"},
	} {
		c, err := Config(dsn)
		require.NoError(t, err, dsn)
		got := []string{c.Host + ":" + portOf(c.Port)}
		for _, m := range c.Multi {
			got = append(got, m.Host+":"+portOf(m.Port))
		}
		require.Equal(t, hosts, got, dsn)
	}
}

func portOf(port uint16) string { return strconv.Itoa(int(port)) }

// lib/pq adds the hosts of a list in the environment to the host that a data source name names.
func TestListsInTheEnvironmentAreRefused(t *testing.T) {
	t.Setenv("PGHOST", "h1,h2")
	c, err := pq.NewConfig("host=other")
	require.NoError(t, err)
	require.Len(t, c.Multi, 1, "lib/pq has mended this: Config need not refuse it any longer")
	_, err = Config("host=other target_session_attrs=read-write")
	require.ErrorIs(t, err, ErrDSN)
	require.ErrorContains(t, err, "$PGHOST")
}
