package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials/pgcreds"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/pgstore"
)

// profileList is profiles as they are stored.
type profileList struct {
	Profiles []accounts.AccountProfile `json:"profiles"`
}

func (l *profileList) found() bool { return false }

func (l *profileList) write(w io.Writer) {
	fmt.Fprintln(w, "ID\tNAME\tACCOUNT\tLEVEL\tRISK\tMODE\tSTATUS\tCURRENCY\tOWNER")
	for _, p := range l.Profiles {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			p.ID, p.Name, p.IBKRAccountID, p.CapitalLevel, p.RiskTolerance, p.Mode, p.Status, p.BaseCurrency, p.Owner)
	}
}

var profilesList = &command{
	name: "profiles list", summary: "List profiles.",
	text: `Lists the profiles of every owner, archived ones too, in the order of their ids, unless flags
select.`,
	setup: func(set *flag.FlagSet) action {
		var f accounts.ProfileFilter
		set.Func("owner", "only those of this `owner`", func(s string) error {
			owner := accounts.OwnerID(s)
			f.Owner = &owner
			return nil
		})
		set.StringVar(&f.IBKRAccountID, "account", "", "only those with this `account` at the broker")
		set.Func("status", "only those of this `status`: active, inactive, suspended or archived; may be repeated", func(s string) error {
			if s != string(accounts.StatusArchived) && !isInUse(s) {
				return errors.New("is none of active, inactive, suspended, archived")
			}
			f.Statuses = append(f.Statuses, accounts.ProfileStatus(s))
			return nil
		})
		return func(ctx context.Context, e *call) (answer, error) {
			out := &profileList{Profiles: []accounts.AccountProfile{}}
			err := e.withStore(ctx, func(s *pgstore.Store) (err error) {
				out.Profiles, err = s.Profiles(ctx, f)
				return err
			})
			if err != nil {
				return nil, err
			}
			return out, nil
		}
	},
}

func isInUse(status string) bool { return slices.Contains(inUse, accounts.ProfileStatus(status)) }

var profilesCreate = &command{
	name: "profiles create", summary: "Create a profile.",
	text: `Creates a profile of one account at the broker. -name, -account, -level and -risk are needed.
Credentials are not part of a profile, and are not given here.`,
	setup: func(set *flag.FlagSet) action {
		var p accounts.AccountProfile
		var limits string
		text(set, &p.ID, "id", "the profile's `id`; one is made by default")
		text(set, &p.Name, "name", "the profile's `name`, unique among its owner's")
		text(set, &p.IBKRAccountID, "account", "the `account` at the broker, such as U1234567 or DU1234567")
		text(set, &p.CapitalLevel, "level", "the capital `level`, such as 25K or 1M")
		text(set, &p.RiskTolerance, "risk", "the risk `tolerance`: low, balanced, moderate or high")
		text(set, &p.Status, "status", "the `status`: active, inactive or suspended; active by default")
		text(set, &p.BaseCurrency, "currency", "the base `currency`; USD by default")
		text(set, &p.Owner, "owner", "the `owner`; nobody by default")
		text(set, &p.Login, "login", "the `id` of the login whose credentials the profile shares; one of its own by default")
		set.StringVar(&p.Gateway.Host, "gateway-host", "", "the `host` of the gateway")
		set.IntVar(&p.Gateway.Port, "gateway-port", 0, "the `port` of the gateway")
		set.IntVar(&p.Gateway.ClientID, "gateway-client", 0, "the client `id` at the gateway")
		set.StringVar(&limits, "limits", "", "a `file` with limits as JSON; those of the level and the tolerance by default")
		shared := addShared(set)
		return func(ctx context.Context, e *call) (answer, error) {
			if limits != "" {
				var err error
				if p.Limits, err = readLimits(limits); err != nil {
					return nil, err
				}
			}
			return createProfile(ctx, e, p, *shared)
		}
	},
}

// text adds a flag for a string of any type.
func text[S ~string](set *flag.FlagSet, to *S, name, what string) {
	set.Func(name, what, func(s string) error {
		*to = S(s)
		return nil
	})
}

func addShared(set *flag.FlagSet) *bool {
	return set.Bool("shared-account", false, "let several active profiles of one owner have one account at the broker")
}

func readLimits(path string) (*risk.Limits, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields() // a limit that is misspelt must not go unheeded
	var l risk.Limits
	if err := dec.Decode(&l); err != nil {
		return nil, fmt.Errorf("limits in %s: %w", path, err)
	}
	return &l, nil
}

func createProfile(ctx context.Context, e *call, p accounts.AccountProfile, shared bool) (answer, error) {
	var opts []accounts.ManagerOption
	if shared {
		opts = append(opts, accounts.AllowSharedAccounts())
	}
	out := &profileList{}
	err := e.withManager(ctx, func(m *accounts.MultiAccountManager, _ *pgstore.Store) error {
		created, err := m.CreateProfile(ctx, p)
		if created.ID != "" {
			out.Profiles = append(out.Profiles, created) // with an error, too: it is inactive then
		}
		return err
	}, opts...)
	if len(out.Profiles) == 0 {
		return nil, err
	}
	return out, err
}

// archiving is what archiving a profile does, or did.
type archiving struct {
	Profile   accounts.AccountProfile `json:"profile"`
	Positions []holding               `json:"positions"` // what it holds
	Orders    int                     `json:"orders"`    // how many are held or working
	Done      bool                    `json:"done"`
	keys      bool
}

type holding struct {
	Contract ledger.InstrumentKey `json:"contract"`
	Quantity ledger.Decimal       `json:"quantity"`
}

func (a *archiving) found() bool { return !a.Done }

func (a *archiving) write(w io.Writer) {
	state := "archived"
	if !a.Done {
		state = "to be archived, for ever"
	}
	fmt.Fprintf(w, "profile %s (%s), account %s: %s\n", a.Profile.ID, a.Profile.Name, a.Profile.IBKRAccountID, state)
	if a.Done {
		return
	}
	for _, p := range a.Positions {
		fmt.Fprintf(w, "  it holds %s of %s, and will not be traded any more\n", p.Quantity, p.Contract)
	}
	if a.Orders > 0 {
		fmt.Fprintf(w, "  orders held or working: %d\n", a.Orders)
	}
	if a.keys {
		fmt.Fprintln(w, "  its credentials are deleted, unless another profile shares them")
	} else {
		fmt.Fprintln(w, "  its credentials stay: no keyset is named")
	}
	writeWaits(w)
}

var profilesArchive = &command{
	name: "profiles archive", args: "<profile>", summary: "Archive a profile for ever; a plan without -yes.",
	text: `Takes a profile out of use. Its journal and its name are kept for ever. With a keyset
(-keyset-file or $ACCOUNTS_KEYSET) its credentials are deleted from PostgreSQL, unless another
profile shares them; archiving again with a keyset does what was left.`,
	setup: func(set *flag.FlagSet) action {
		var k keysetFlags
		k.add(set)
		yes := addYes(set)
		return func(ctx context.Context, e *call) (answer, error) { return archive(ctx, e, &k, *yes) }
	},
}

func archive(ctx context.Context, e *call, k *keysetFlags, yes bool) (answer, error) {
	name, err := e.one("profile")
	if err != nil {
		return nil, err
	}
	out := &archiving{keys: k.named(e.env)}
	work := func(m *accounts.MultiAccountManager, s *pgstore.Store) (err error) {
		if out.Profile, err = find(ctx, s, name); err != nil {
			return err
		}
		if out.Done = out.Profile.Status == accounts.StatusArchived && !out.keys; out.Done {
			return nil
		}
		if yes {
			if err := m.ArchiveProfile(ctx, out.Profile.ID); err != nil {
				return err
			}
			out.Done = true
			out.Profile, err = s.Profile(ctx, out.Profile.ID)
			return err
		}
		p, err := m.Portfolio(ctx, out.Profile.ID)
		if err != nil {
			return err
		}
		for _, held := range p.Positions() {
			out.Positions = append(out.Positions, holding{held.Instrument.Key(), held.Quantity})
		}
		out.Orders = len(p.Snapshot().Risk.Orders)
		return nil
	}
	if out.keys {
		err = e.withCredentials(ctx, k, func(c *pgcreds.Store, _ *keyset.Handle) error {
			return e.withManager(ctx, work, accounts.WithCredentialStore(c))
		})
	} else {
		err = e.withManager(ctx, work)
	}
	if err != nil {
		return nil, err
	}
	if out.Positions == nil {
		out.Positions = []holding{}
	}
	return out, nil
}
