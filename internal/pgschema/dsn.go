package pgschema

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/lib/pq"
)

// Config reads a data source name of lib/pq's. ErrDSN, which is accounts.ErrInvalid, for one that
// cannot be read, and for one that lib/pq would take for another than it says:
//   - hosts with ports in a list, as in postgres://h1:5432,h2:5432/db, which lib/pq takes for names;
//   - a list of hosts of which any would do: the first that answers may be a standby, or an old primary;
//   - a list in the environment, whose other hosts lib/pq adds to the one that a data source name names;
//   - a URL that names something twice, of which lib/pq takes one.
//
// The error tells none of the values: any may be a part of the password that was not escaped.
func Config(dsn string) (pq.Config, error) {
	for _, name := range []string{"PGHOST", "PGHOSTADDR", "PGPORT"} {
		if strings.Contains(os.Getenv(name), ",") {
			return pq.Config{}, fmt.Errorf("%w: $%s is a list, which would be added to it: put the list into the data source name", ErrDSN, name)
		}
	}
	if name := namedTwice(dsn); name != "" {
		return pq.Config{}, fmt.Errorf("%w: names %s twice", ErrDSN, name)
	}
	c, err := pq.NewConfig(dsn)
	if err != nil {
		return pq.Config{}, ErrDSN // the parser's error may hold the password
	}
	hosts := []string{c.Host}
	for _, m := range c.Multi {
		hosts = append(hosts, m.Host)
	}
	if slices.ContainsFunc(hosts, hasPort) {
		return pq.Config{}, fmt.Errorf("%w: a port in the name of a host: in a list write the ports apart, as in host=a,b port=5432,5433 "+
			"or postgres://a,b/db?port=5432,5433", ErrDSN)
	}
	if len(hosts) > 1 && c.TargetSessionAttrs != pq.TargetSessionAttrsReadWrite && c.TargetSessionAttrs != pq.TargetSessionAttrsPrimary {
		return pq.Config{}, fmt.Errorf("%w: a list of hosts needs target_session_attrs=read-write", ErrDSN)
	}
	return c, nil
}

// hasPort reports whether a host is no address of IPv6 and yet has a colon, or has its brackets
// still. The path of a socket may have any.
func hasPort(host string) bool {
	if strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || !strings.ContainsAny(host, ":[]") {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}

// namedTwice returns what a URL names more than once, before its question mark or behind it; "" for
// nothing.
func namedTwice(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return ""
	}
	_, password := u.User.Password()
	named := map[string]bool{"host": u.Hostname() != "", "port": u.Port() != "", "user": u.User.Username() != "",
		"password": password, "dbname": strings.Trim(u.Path, "/") != ""}
	for name, values := range u.Query() {
		switch {
		case named[name]:
			return name
		case len(values) > 1:
			return "a parameter"
		}
	}
	return ""
}
