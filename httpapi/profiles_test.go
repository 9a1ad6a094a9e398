package httpapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

const aBalanced = `{"preset":"balanced_50k","ibkr_account_id":"DU1000050"}`

func TestProfiles(t *testing.T) {
	r := newRig(t)
	var p accounts.AccountProfile
	a := r.call("ann", "POST", "/profiles", aBalanced).want(t, 201, &p)
	require.Equal(t, `"1"`, a.Header.Get("ETag"))
	require.Equal(t, "/api/v1/profiles/"+string(p.ID), a.Header.Get("Location"))
	require.Equal(t, "Balanced-50K", p.Name)
	require.Equal(t, accounts.OwnerID("ann"), p.Owner, "the profile is the caller's")
	at := "/profiles/" + string(p.ID)

	r.call("ann", "PATCH", at, `{"name":"Mine"}`).problem(t, CodeVersionRequired)
	r.call("ann", "PATCH", at, `{"name":"Mine"}`, "If-Match", "*").problem(t, CodeVersionRequired)
	a = r.call("ann", "PATCH", at, `{"name":"Mine","gateway":{"host":"localhost","port":4002,"client_id":7}}`, "If-Match", `"1"`).want(t, 200, &p)
	require.Equal(t, `"2"`, a.Header.Get("ETag"))
	require.Equal(t, "Mine", p.Name)
	require.Equal(t, 4002, p.Gateway.Port)
	require.Equal(t, accounts.Level50K, p.CapitalLevel, "what is left out stays as it is")

	a = r.call("ann", "PATCH", at, `{"name":"Other"}`, "If-Match", `"1"`)
	problem := a.problem(t, CodeVersion)
	require.Equal(t, "Mine", problem.Current.Name, "the problem has the profile as it is now")
	require.Equal(t, `"2"`, a.Header.Get("ETag"), "so that both versions can be shown")

	p = accounts.AccountProfile{}
	r.call("ann", "PATCH", at, `{"gateway":null,"status":"suspended"}`, "If-Match", `"9", "2"`).want(t, 200, &p)
	require.Zero(t, p.Gateway)
	require.Equal(t, accounts.StatusSuspended, p.Status)

	problem = r.call("ann", "PATCH", at, `{"name":"","status":"archived","gateway":{"host":"","port":0,"client_id":-1}}`, "If-Match", `"3"`).problem(t, CodeInvalid)
	require.ElementsMatch(t, []string{"name invalid", "status invalid", "gateway.host invalid", "gateway.port invalid", "gateway.client_id invalid"},
		problem.fields(), "every wrong field is named as the client has it")

	r.call("ann", "POST", at+"/archive", nil).problem(t, CodeVersionRequired)
	r.call("ann", "POST", at+"/archive", nil, "If-Match", `"3"`).want(t, 200, &p)
	require.Equal(t, accounts.StatusArchived, p.Status)
	r.call("ann", "PATCH", at, `{"name":"Late"}`, "If-Match", etag(p.Version)).problem(t, CodeNotActive)
	r.call("ann", "POST", "/profiles", `{"preset":"balanced_50k","ibkr_account_id":"DU1000051","name":"Mine"}`).problem(t, CodeNameTaken)
	require.Equal(t, etag(p.Version), r.call("ann", "HEAD", at, nil).want(t, 200).Header.Get("ETag"))
}

func TestCreateProfileOfFields(t *testing.T) {
	r := newRig(t)
	problem := r.call("ann", "POST", "/profiles", `{}`).problem(t, CodeInvalid)
	require.ElementsMatch(t, []string{"name invalid", "ibkr_account_id invalid", "capital_level invalid", "risk_tolerance invalid"}, problem.fields())
	var p accounts.AccountProfile
	r.call("ann", "POST", "/profiles", `{"name":"A","ibkr_account_id":"U1234567","capital_level":"75K","risk_tolerance":"high","base_currency":"EUR","login":"l","limits":`+sampleLimits+`}`).
		want(t, 201, &p)
	require.Equal(t, accounts.ModeLive, p.Mode, "the account's id tells the mode")
	require.Equal(t, "0.8", p.Limits.WarnAt.String())
	r.call("ann", "POST", "/profiles", `{"name":"B","ibkr_account_id":"U1234567","capital_level":"75K","risk_tolerance":"high"}`).problem(t, CodeAccountTaken)
}

func TestCreateProfileOnce(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	ids, created := map[accounts.ProfileID]bool{}, 0
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			var p accounts.AccountProfile
			a := r.call("ann", "POST", "/profiles", aBalanced, "Idempotency-Key", "k1")
			if a.StatusCode == 201 {
				mu.Lock()
				created++
				mu.Unlock()
			} else {
				require.Equal(t, 200, a.StatusCode, a.text)
			}
			a.want(t, a.StatusCode, &p)
			mu.Lock()
			defer mu.Unlock()
			ids[p.ID] = true
		})
	}
	group.Wait()
	require.Len(t, ids, 1, "one key makes one profile")
	require.Equal(t, 1, created)
	r.call("ann", "POST", "/profiles", `{"preset":"balanced_50k","ibkr_account_id":"DU1000077"}`, "Idempotency-Key", "k1").problem(t, CodeKeyReused)
	r.call("bob", "POST", "/profiles", aBalanced, "Idempotency-Key", "k1").want(t, 201)
	r.call("ann", "POST", "/profiles", aBalanced, "Idempotency-Key", "k 1").problem(t, CodeKeyRequired)
}

func TestListProfiles(t *testing.T) {
	r := newRig(t)
	for i := range 7 {
		r.call("ann", "POST", "/profiles", fmt.Sprintf(`{"preset":"optimal_100k","ibkr_account_id":"DU10000%02d","name":"P%d"}`, i, i)).want(t, 201)
	}
	r.call("bob", "POST", "/profiles", aBalanced).want(t, 201)
	seen := map[string]bool{}
	next := ""
	for page := 0; page == 0 || next != ""; page++ {
		require.Less(t, page, 4, "the list does not end")
		var list profileList
		r.call("ann", "GET", "/profiles?limit=3&cursor="+next, nil).want(t, 200, &list)
		for _, p := range list.Profiles {
			require.False(t, seen[p.Name], "%s comes twice", p.Name)
			seen[p.Name] = true
		}
		next = list.NextCursor
	}
	require.Len(t, seen, 7, "the pages have every profile of the owner's, and no other's")
	var list profileList
	r.call("ann", "GET", "/profiles?ibkr_account_id=DU1000003", nil).want(t, 200, &list)
	require.Len(t, list.Profiles, 1)
	r.call("ann", "GET", "/profiles?status=suspended,archived&capital_level=25K", nil).want(t, 200, &list)
	require.Empty(t, list.Profiles)
	problem := r.call("ann", "GET", "/profiles?limit=0&status=gone&cursor=abc&more=1&limit2=x", nil).problem(t, CodeInvalid)
	require.Equal(t, []string{"limit range", "limit2 unknown", "more unknown", "status value"}, problem.fields())
	require.Equal(t, []string{"cursor format"}, r.call("ann", "GET", "/profiles?cursor=abc", nil).problem(t, CodeInvalid).fields())
	var all presetList
	r.call("ann", "GET", "/presets", nil).want(t, 200, &all)
	require.Len(t, all.Presets, 4)
	require.Equal(t, presetName("aggressive_25k"), all.Presets[0].Preset)
}

func TestActiveProfile(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	other := r.profile("bob", "B", "DU1000002")
	r.call("ann", "GET", "/active-profile", nil).problem(t, CodeNoActive)
	r.call("ann", "PUT", "/active-profile", `{"profile_id":""}`).problem(t, CodeProfileNotFound)
	r.call("ann", "PUT", "/active-profile", activeChoice{other.ID}).problem(t, CodeProfileNotFound)
	r.call("ann", "PUT", "/active-profile", activeChoice{p.ID}).problem(t, CodeNoCredentials)
	r.call("ann", "PUT", "/profiles/"+string(p.ID)+"/credentials/gateway_session", `{}`).want(t, 204)
	r.call("ann", "PUT", "/active-profile", activeChoice{p.ID}).want(t, 200)
	var got accounts.AccountProfile
	r.call("ann", "GET", "/active-profile", nil).want(t, 200, &got)
	require.Equal(t, p.ID, got.ID)
	r.call("bob", "GET", "/active-profile", nil).problem(t, CodeNoActive)
	r.call("ann", "POST", "/accounts/"+string(p.ID)+"/switch", nil).want(t, 200)
}

// TestSwitchFails: a gateway that cannot be connected is the gateway's fault, and its words stay inside.
func TestSwitchFails(t *testing.T) {
	r := newRig(t)
	m, err := accounts.New(r.store, accounts.OnSwitch(func(context.Context, accounts.AccountProfile, accounts.AccountProfile) error {
		return errors.New(inside)
	}))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	p := r.profile("ann", "A", "DU1000001")
	r.config.Manager = m
	r.api, err = New(t.Context(), r.config)
	require.NoError(t, err)
	require.NotContains(t, r.call("ann", "PUT", "/active-profile", activeChoice{p.ID}).problem(t, CodeSwitchFailed).Detail, "10.1.2.3")
}

// TestOneChangeWins: of changes of one version at the same time one is made, and the others are told.
func TestOneChangeWins(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	var mu sync.Mutex
	statuses := map[int]int{}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			a := r.call("ann", "PATCH", "/profiles/"+string(p.ID), fmt.Sprintf(`{"name":"N%d"}`, i), "If-Match", `"1"`, "Content-Type", "application/merge-patch+json")
			mu.Lock()
			defer mu.Unlock()
			statuses[a.StatusCode]++
		})
	}
	group.Wait()
	require.Equal(t, map[int]int{200: 1, 412: 19}, statuses)
}
