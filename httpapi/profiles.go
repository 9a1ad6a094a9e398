package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var profileRoutes = []route{
	{method: "GET", path: "/profiles", id: "listProfiles", tag: "profiles", right: Read, text: "List profiles, in ascending order of ids.",
		params: []param{limitParam, cursorParam,
			{name: "status", in: "query", many: true, text: "Only these statuses.", schema: schema{Type: types{"string"}, Enum: enums[reflect.TypeFor[risk.ProfileStatus]()]}},
			{name: "capital_level", in: "query", many: true, text: "Only these levels, such as `25K`.", schema: schema{Type: types{"string"}, Pattern: `^[1-9][0-9]{0,5}[KM]$`}},
			{name: "ibkr_account_id", in: "query", text: "Only the profiles of this account at the broker.", schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 50, Pattern: `^[A-Za-z0-9]+$`}}},
		action: just(listProfiles)},
	{method: "POST", path: "/profiles", id: "createProfile", tag: "profiles", right: Administer, status: 201,
		text:   "Create a profile, of a preset or of fields.",
		more:   "Fields that are given take the place of the preset's. With an `Idempotency-Key` the profile is created once, and its id is made of the key.",
		params: []param{keyParam.optional()}, action: with(createProfile),
		codes:  []Code{CodeNameTaken, CodeAccountTaken, CodeKeyReused},
		sample: `{"preset":"balanced_50k","ibkr_account_id":"DU1000050","name":"Balanced-50K"}`},
	{method: "GET", path: "/profiles/{id}", id: "getProfile", tag: "profiles", right: Read, text: "Read a profile.",
		params: []param{profileParam}, action: just(getProfile)},
	{method: "PATCH", path: "/profiles/{id}", id: "changeProfile", tag: "profiles", right: Administer,
		text:   "Change fields of a profile. Fields that are left out stay as they are.",
		more:   "`null` for `limits` means those that the capital level and the risk tolerance give; `null` for `gateway` takes it away. A problem `version_mismatch` has the profile as it is now.",
		params: []param{profileParam, matchParam}, action: with(changeProfile),
		codes:  []Code{CodeNameTaken, CodeAccountTaken, CodeNotActive},
		sample: `{"name":"Balanced","status":"suspended","gateway":null}`},
	{method: "POST", path: "/profiles/{id}/archive", id: "archiveProfile", tag: "profiles", right: Administer,
		text:   "Take a profile out of use for ever. Its journal is kept; its credentials are deleted.",
		params: []param{profileParam, matchParam}, action: just(archiveProfile)},
	{method: "GET", path: "/presets", id: "listPresets", tag: "profiles", right: Read, text: "List what profiles can be created of.",
		action: just(listPresets)},
	{method: "GET", path: "/active-profile", id: "getActiveProfile", tag: "profiles", right: Read,
		text:   "Read which profile the owner prefers. No other call depends on it.",
		action: just(getActive), codes: []Code{CodeNoActive, CodeNotActive, CodeProfileNotFound}},
	{method: "PUT", path: "/active-profile", id: "setActiveProfile", tag: "profiles", right: Trade,
		text:   "Prefer a profile. What connects to its gateway may take its time.",
		action: with(setActive), codes: []Code{CodeProfileNotFound, CodeNotActive, CodeNoCredentials, CodeSwitchFailed},
		sample: `{"profile_id":"0192f0c1-2a6b-7c30-9f3e-5b8e6d1f4a70"}`},
}

// profileList is a page of profiles.
type profileList struct {
	Profiles   []accounts.AccountProfile `json:"profiles"`
	NextCursor string                    `json:"next_cursor,omitempty" doc:"Of the next page; absent on the last."`
}

func listProfiles(c *call) (*profileList, error) {
	f := accounts.ProfileFilter{Limit: c.limit() + 1, IBKRAccountID: c.query("ibkr_account_id")}
	after, err := c.after("profiles")
	if err != nil {
		return nil, err
	}
	f.After = accounts.ProfileID(after)
	for _, s := range c.values["status"] {
		f.Statuses = append(f.Statuses, accounts.ProfileStatus(s))
	}
	for _, l := range c.values["capital_level"] {
		f.Levels = append(f.Levels, accounts.CapitalLevel(l))
	}
	list, err := c.api.Manager.ListProfiles(c.ctx, f)
	if err != nil {
		return nil, err
	}
	page, more := cut(list, c.limit())
	out := &profileList{Profiles: clone(page)}
	if more {
		out.NextCursor = cursor("profiles", string(page[len(page)-1].ID))
	}
	return out, nil
}

// presets are the profiles that can be created of an account alone.
var presets = map[string]func(account string) accounts.AccountProfile{
	"aggressive_25k": accounts.Aggressive25K, "balanced_50k": accounts.Balanced50K,
	"optimal_100k": accounts.Optimal100K, "conservative_250k": accounts.Conservative250K,
}

// presetName is the name of a preset.
type presetName string

func (presetName) describe(*reflector) *schema {
	return &schema{Type: types{"string"}, Enum: slices.Sorted(maps.Keys(presets))}
}

type preset struct {
	Preset        presetName             `json:"preset"`
	Name          string                 `json:"name"`
	CapitalLevel  accounts.CapitalLevel  `json:"capital_level"`
	RiskTolerance accounts.RiskTolerance `json:"risk_tolerance"`
	Limits        risk.Limits            `json:"limits" doc:"The limits that a profile of the preset begins with."`
}

type presetList struct {
	Presets []preset `json:"presets"`
}

func listPresets(*call) (*presetList, error) {
	out := &presetList{}
	for _, name := range slices.Sorted(maps.Keys(presets)) {
		p := presets[name]("DU1000000")
		out.Presets = append(out.Presets, preset{presetName(name), p.Name, p.CapitalLevel, p.RiskTolerance, p.EffectiveLimits()})
	}
	slices.SortStableFunc(out.Presets, func(a, b preset) int { return a.CapitalLevel.Amount().Cmp(b.CapitalLevel.Amount()) })
	return out, nil
}

// nullable is a field of a change: left out, null, or a value.
type nullable[T any] struct {
	Set   bool
	Value *T // nil for null
}

// holder is a type that stands for another one in a body.
type holder interface{ held() reflect.Type }

func (nullable[T]) held() reflect.Type            { return reflect.TypeFor[T]() }
func (nullable[T]) describe(r *reflector) *schema { return r.of(reflect.TypeFor[T]()).nullable() }

// UnmarshalJSON notes that the field is there.
func (n *nullable[T]) UnmarshalJSON(data []byte) error {
	n.Set = true
	return json.Unmarshal(data, &n.Value)
}

// profileChange is the fields of a profile that a client may set.
type profileChange struct {
	Name          *string                    `json:"name,omitempty" doc:"1 to 100 characters, unique among the owner's profiles, archived ones included."`
	IBKRAccountID *string                    `json:"ibkr_account_id,omitempty" doc:"The broker's id of the account, such as DU1000050."`
	CapitalLevel  *accounts.CapitalLevel     `json:"capital_level,omitempty" doc:"In thousands or millions of the base currency: 25K, 1M."`
	RiskTolerance *accounts.RiskTolerance    `json:"risk_tolerance,omitempty"`
	Mode          *accounts.TradingMode      `json:"mode,omitempty" doc:"Must agree with the account's id, which tells it where it is left out."`
	Status        *accounts.ProfileStatus    `json:"status,omitempty"`
	Gateway       nullable[accounts.Gateway] `json:"gateway,omitzero"`
	Login         *accounts.LoginID          `json:"login,omitempty" doc:"The login whose credentials the profile uses; empty for one of its own."`
	Limits        nullable[risk.Limits]      `json:"limits,omitzero"`
}

// apply sets the fields that are given.
func (f *profileChange) apply(p *accounts.AccountProfile) {
	give(&p.Name, f.Name)
	give(&p.CapitalLevel, f.CapitalLevel)
	give(&p.RiskTolerance, f.RiskTolerance)
	give(&p.Status, f.Status)
	give(&p.Login, f.Login)
	if f.IBKRAccountID != nil {
		p.IBKRAccountID, p.Mode = *f.IBKRAccountID, "" // the account's id tells the mode
		p.Mode = p.WithDefaults().Mode
	}
	give(&p.Mode, f.Mode)
	if f.Gateway.Set {
		p.Gateway = accounts.Gateway{}
		give(&p.Gateway, f.Gateway.Value)
	}
	if f.Limits.Set {
		p.Limits = f.Limits.Value
	}
}

// give sets a field to a value that was given.
func give[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

type profileRequest struct {
	Preset       *presetName      `json:"preset,omitempty" doc:"What the profile begins with."`
	BaseCurrency *ledger.Currency `json:"base_currency,omitempty" doc:"USD if left out; never changes."`
	profileChange
}

func createProfile(c *call, in *profileRequest) (*accounts.AccountProfile, error) {
	var p accounts.AccountProfile
	if in.Preset != nil {
		account := ""
		give(&account, in.IBKRAccountID)
		p = presets[string(*in.Preset)](account)
	}
	in.apply(&p)
	give(&p.BaseCurrency, in.BaseCurrency)
	key := c.query(keyParam.name)
	if key != "" {
		p.ID = profileIDOf(c.caller.Owner, key)
	}
	created, err := c.api.Manager.CreateProfile(c.ctx, p)
	// The profile that was created under the key has the name and the account, too.
	if key != "" && errorIsAny(err, accounts.ErrProfileExists, accounts.ErrNameTaken, accounts.ErrAccountTaken) {
		was, readErr := c.api.Manager.Profile(c.ctx, p.ID)
		if readErr == nil {
			c.status = http.StatusOK
			created, err = was, sameProfile(was, p)
		}
	}
	if err != nil {
		return nil, err
	}
	c.setETag(created)
	c.w.Header().Set("Location", prefix+"/profiles/"+string(created.ID))
	return &created, nil
}

// profileIDOf returns the id of the profile that an owner creates under a key.
func profileIDOf(owner accounts.OwnerID, key string) accounts.ProfileID {
	return accounts.ProfileID(uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:accounts:profile:"+string(owner)+":"+key)).String())
}

// sameProfile returns a problem unless the profile that was created under a key is the one that is
// asked for now.
func sameProfile(was, asked accounts.AccountProfile) error {
	asked = asked.WithDefaults()
	asked.Owner, asked.Version = was.Owner, was.Version
	asked.CreatedAt, asked.UpdatedAt, asked.LastUsedAt = was.CreatedAt, was.UpdatedAt, was.LastUsedAt
	a, errA := json.Marshal(was)
	b, errB := json.Marshal(asked)
	if errA == nil && errB == nil && string(a) == string(b) {
		return nil
	}
	return newProblem(CodeKeyReused, "A profile was created under the key, and is not, or no longer, what is asked for now.")
}

// errorIsAny reports whether an error matches one of several.
func errorIsAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}

func getProfile(c *call) (*accounts.AccountProfile, error) {
	p, err := c.profile()
	if err != nil {
		return nil, err
	}
	c.setETag(p)
	return &p, nil
}

// etag returns the ETag of a version.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// setETag puts the version of a profile into the answer's header.
func (c *call) setETag(p accounts.AccountProfile) { c.w.Header().Set("ETag", etag(p.Version)) }

// matched returns the path's profile if the header If-Match names its version.
func (c *call) matched() (accounts.AccountProfile, error) {
	p, err := c.profile()
	if err != nil {
		return p, err
	}
	header := strings.TrimSpace(c.query(matchParam.name))
	if header == "" || header == "*" {
		return p, newProblem(CodeVersionRequired, "Send the ETag of the profile that you read in the header If-Match.")
	}
	for tag := range strings.SplitSeq(header, ",") {
		if strings.TrimSpace(tag) == etag(p.Version) {
			return p, nil
		}
	}
	return p, versionProblem(p)
}

// versionProblem returns the problem of a change of a version that is not the present one.
func versionProblem(current accounts.AccountProfile) error {
	problem := newProblem(CodeVersion, "Somebody changed this while you wrote. The profile as it is now is in current.")
	problem.Current = &current
	return problem
}

// update replaces a profile of which a version was read.
func (c *call) update(p accounts.AccountProfile) (*accounts.AccountProfile, error) {
	updated, err := c.api.Manager.UpdateProfile(c.ctx, p)
	if errors.Is(err, accounts.ErrConflict) {
		if now, readErr := c.profile(); readErr == nil && now.Version != p.Version {
			return nil, versionProblem(now)
		}
	}
	if err != nil {
		return nil, err
	}
	c.setETag(updated)
	return &updated, nil
}

func changeProfile(c *call, in *profileChange) (*accounts.AccountProfile, error) {
	p, err := c.matched()
	if err != nil {
		return nil, err
	}
	in.apply(&p)
	return c.update(p)
}

func archiveProfile(c *call) (*accounts.AccountProfile, error) {
	p, err := c.matched()
	if err != nil {
		return nil, err
	}
	if err := c.api.Manager.ArchiveProfile(c.ctx, p.ID); err != nil {
		return nil, err
	}
	return getProfile(c)
}

func getActive(c *call) (*accounts.AccountProfile, error) {
	p, err := c.api.Manager.ActiveProfile(c.ctx)
	if err != nil {
		return nil, err
	}
	c.setETag(p)
	return &p, nil
}

type activeChoice struct {
	ProfileID accounts.ProfileID `json:"profile_id"`
}

func setActive(c *call, in *activeChoice) (*accounts.AccountProfile, error) {
	if in.ProfileID == "" || !nameable(string(in.ProfileID)) { // an empty id would mean the active one
		return nil, newProblem(CodeProfileNotFound, "")
	}
	p, err := c.api.Manager.SwitchProfile(c.ctx, in.ProfileID)
	if err != nil {
		if problem, _ := problemOf(err, nil); problem.Code == CodeInternal { // a hook's error, which matches nothing
			c.api.Logger.WarnContext(c.ctx, "a switch failed", "request_id", requestID(c.r), "err", err)
			return nil, newProblem(CodeSwitchFailed, "The profile of before is still the active one.")
		}
		return nil, err
	}
	c.setETag(p)
	return &p, nil
}
