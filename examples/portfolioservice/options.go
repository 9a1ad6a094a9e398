package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/examples/internal/storage"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/flex"
)

// options are the command line.
type options struct {
	addr      string
	hosts     []string
	tokenFile string
	flex      flex.DownloadConfig
	storage   storage.Flags

	gateway     cpapi.Config // its URL is empty for the paper broker
	gatewayName string       // names the login at the gateway
	live        bool
	trade       bool

	seed     uint64
	every    time.Duration // from one signal to the next
	tick     time.Duration // from one price to the next
	lease    time.Duration
	check    time.Duration // from one comparison of books with the broker to the next; the engine's own if zero
	drain    time.Duration
	patience time.Duration
}

// parse reads the command line. Help and errors go to out.
func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("portfolioservice", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "the `address` to serve at; port 0 takes a free one")
	flags.Func("host", "a `name` under which clients may reach the service, without the port; once for each. All with -token-file, else those of this machine", o.addHost)
	flags.StringVar(&o.tokenFile, "token-file", "", "the `file` with the token that callers must send; without it only this machine can call")
	o.storage.Add(flags, "portfolioservice")
	flags.StringVar(&o.flex.URL, "flex-url", "", "the `address` of the Flex Web Service, which statements are fetched from; IBKR's by default")
	flags.StringVar(&o.gateway.URL, "gateway", "", "the `URL` of a Client Portal gateway, such as "+cpapi.DefaultURL+"; without it orders go to a paper broker in the process")
	flags.StringVar(&o.gateway.Fingerprint, "fingerprint", "", "the SHA-256 of the gateway's certificate, in `hex`")
	flags.StringVar(&o.gatewayName, "login", "gateway", "the `name` of the login at the gateway: processes that share a database share a login of the same name")
	flags.BoolVar(&o.live, "live", false, "work live accounts of the gateway too, and not those of paper alone")
	flags.BoolVar(&o.trade, "trade", false, "let the sample strategy trade at the gateway: it is no advice, and its orders are real there")
	flags.Uint64Var(&o.seed, "seed", 7, "the seed of the simulated prices")
	flags.DurationVar(&o.every, "every", 30*time.Second, "the `time` from one signal of the sample strategy to the next")
	flags.DurationVar(&o.tick, "tick", time.Second, "the `time` from one simulated price to the next")
	flags.DurationVar(&o.lease, "lease", 15*time.Second, "the `time` after which another process takes over from one that died")
	flags.DurationVar(&o.drain, "drain", 0, "the `time` for which /readyz says 503 before the service stops, so that a load balancer turns away")
	flags.DurationVar(&o.patience, "patience", 10*time.Second, "the `time` that requests under way have to finish when the service stops")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; -h shows the flags", flags.Arg(0))
	}
	return o, o.validate()
}

// validate refuses flags that do not go together.
func (o *options) validate() error {
	if err := o.storage.Check(); err != nil {
		return err
	}
	for name, d := range map[string]time.Duration{"every": o.every, "tick": o.tick, "patience": o.patience} {
		if d < time.Millisecond {
			return fmt.Errorf("-%s %s is not a millisecond or more", name, d)
		}
	}
	if o.drain < 0 {
		return fmt.Errorf("-drain %s is negative", o.drain)
	}
	if err := accounts.CheckLease(o.loginName(), "holder", o.lease); err != nil {
		return fmt.Errorf("-login, -lease: %w", err)
	}
	if !o.atGateway() && (o.gateway.Fingerprint != "" || o.live || o.trade) {
		return errors.New("-fingerprint, -live and -trade mean nothing without -gateway")
	}
	return o.checkAddress()
}

// checkAddress refuses an address that other machines reach, where callers need no token.
func (o *options) checkAddress() error {
	host, _, err := net.SplitHostPort(o.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	if ip := net.ParseIP(host); o.tokenFile == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("-addr %s can be reached from other machines: give -token-file, or an address such as 127.0.0.1:8080", o.addr)
	}
	return nil
}

func (o *options) addHost(name string) error {
	if name == "" {
		return errors.New("is empty")
	}
	o.hosts = append(o.hosts, name)
	return nil
}

// atGateway reports whether the broker is a gateway, and not the paper broker.
func (o *options) atGateway() bool { return o.gateway.URL != "" }

// loginName names the login to leases and in profiles.
func (o *options) loginName() string {
	if o.atGateway() {
		return o.gatewayName
	}
	return "paper"
}

// authenticator tells who calls: whoever has the token or, without one, everybody on this machine.
func (o *options) authenticator() (httpapi.Authenticator, error) {
	caller := httpapi.Caller{Name: "operator", Rights: httpapi.AllRights}
	if o.tokenFile == "" {
		return httpapi.Loopback{Caller: caller}, nil
	}
	return httpapi.BearerTokenFromFile(o.tokenFile, caller)
}
