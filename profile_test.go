package accounts_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// aProfile returns a valid profile without an owner, with an account at the broker of its own.
func aProfile(id accounts.ProfileID) accounts.AccountProfile {
	p := accounts.Balanced50K("DU1234567" + strings.ReplaceAll(string(id), "-", ""))
	p.ID, p.Name = id, "Name of "+string(id)
	return p
}

func TestProfileValidate(t *testing.T) {
	gateway := accounts.Gateway{Host: "localhost", Port: 4002, ClientID: 1}
	for name, test := range map[string]struct {
		change func(*accounts.AccountProfile)
		field  string // that is wrong; empty when all are right
	}{
		"as it is":           {func(p *accounts.AccountProfile) {}, ""},
		"no id":              {func(p *accounts.AccountProfile) { p.ID = "" }, "ID"},
		"id of 50":           {func(p *accounts.AccountProfile) { p.ID = accounts.ProfileID(strings.Repeat("x", 50)) }, ""},
		"id of 51":           {func(p *accounts.AccountProfile) { p.ID = accounts.ProfileID(strings.Repeat("x", 51)) }, "ID"},
		"id with space":      {func(p *accounts.AccountProfile) { p.ID = "a b" }, "ID"},
		"id not ASCII":       {func(p *accounts.AccountProfile) { p.ID = "ä" }, "ID"},
		"id with newline":    {func(p *accounts.AccountProfile) { p.ID = "a\n" }, "ID"},
		"no name":            {func(p *accounts.AccountProfile) { p.Name = "" }, "Name"},
		"name of 100 runes":  {func(p *accounts.AccountProfile) { p.Name = strings.Repeat("ä", 100) }, ""},
		"name of 101":        {func(p *accounts.AccountProfile) { p.Name = strings.Repeat("a", 101) }, "Name"},
		"name ends in space": {func(p *accounts.AccountProfile) { p.Name = "a " }, "Name"},
		"name inner space":   {func(p *accounts.AccountProfile) { p.Name = "a b" }, ""},
		"name with tab":      {func(p *accounts.AccountProfile) { p.Name = "a\tb" }, "Name"},
		"name not UTF-8":     {func(p *accounts.AccountProfile) { p.Name = "\xff" }, "Name"},
		"no account":         {func(p *accounts.AccountProfile) { p.IBKRAccountID = "" }, "IBKRAccountID"},
		"account of another": {func(p *accounts.AccountProfile) { p.IBKRAccountID = "X123" }, "IBKRAccountID"},
		"account too long":   {func(p *accounts.AccountProfile) { p.IBKRAccountID = "DU" + strings.Repeat("1", 41) }, "IBKRAccountID"},
		"account and more":   {func(p *accounts.AccountProfile) { p.IBKRAccountID = "DU123\nDU124" }, "IBKRAccountID"},
		"advisor account":    {func(p *accounts.AccountProfile) { p.IBKRAccountID = "DF1234567" }, ""},
		"masked account":     {func(p *accounts.AccountProfile) { p.IBKRAccountID = "DUxxxx567" }, ""},
		"no level":           {func(p *accounts.AccountProfile) { p.CapitalLevel = "" }, "CapitalLevel"},
		"level in words":     {func(p *accounts.AccountProfile) { p.CapitalLevel = "lots" }, "CapitalLevel"},
		"level of its own":   {func(p *accounts.AccountProfile) { p.CapitalLevel = "3M" }, ""},
		"no risk":            {func(p *accounts.AccountProfile) { p.RiskTolerance = "" }, "RiskTolerance"},
		"risk in capitals":   {func(p *accounts.AccountProfile) { p.RiskTolerance = "HIGH" }, "RiskTolerance"},
		"no mode":            {func(p *accounts.AccountProfile) { p.Mode = "" }, "Mode"},
		"mode unknown":       {func(p *accounts.AccountProfile) { p.Mode = "demo" }, "Mode"},
		"live on paper":      {func(p *accounts.AccountProfile) { p.Mode = accounts.ModeLive }, "Mode"},
		"live id on paper":   {func(p *accounts.AccountProfile) { p.IBKRAccountID = "U1234567" }, "Mode"},
		"no status":          {func(p *accounts.AccountProfile) { p.Status = "" }, "Status"},
		"status unknown":     {func(p *accounts.AccountProfile) { p.Status = "deleted" }, "Status"},
		"archived":           {func(p *accounts.AccountProfile) { p.Status = accounts.StatusArchived }, ""},
		"no currency":        {func(p *accounts.AccountProfile) { p.BaseCurrency = "" }, "BaseCurrency"},
		"currency in small":  {func(p *accounts.AccountProfile) { p.BaseCurrency = "usd" }, "BaseCurrency"},
		"owner of 51":        {func(p *accounts.AccountProfile) { p.Owner = accounts.OwnerID(strings.Repeat("o", 51)) }, "Owner"},
		"owner with space":   {func(p *accounts.AccountProfile) { p.Owner = "a b" }, "Owner"},
		"owner":              {func(p *accounts.AccountProfile) { p.Owner = "anna@example.com" }, ""},
		"gateway":            {func(p *accounts.AccountProfile) { p.Gateway = gateway }, ""},
		"gateway no host":    {func(p *accounts.AccountProfile) { p.Gateway = gateway; p.Gateway.Host = "" }, "Gateway.Host"},
		"gateway long host":  {func(p *accounts.AccountProfile) { p.Gateway = gateway; p.Gateway.Host = strings.Repeat("h", 256) }, "Gateway.Host"},
		"gateway port 0":     {func(p *accounts.AccountProfile) { p.Gateway = gateway; p.Gateway.Port = 0 }, "Gateway.Port"},
		"gateway port big":   {func(p *accounts.AccountProfile) { p.Gateway = gateway; p.Gateway.Port = 65536 }, "Gateway.Port"},
		"gateway client":     {func(p *accounts.AccountProfile) { p.Gateway = gateway; p.Gateway.ClientID = -1 }, "Gateway.ClientID"},
	} {
		t.Run(name, func(t *testing.T) {
			p := aProfile("p")
			test.change(&p)
			err := p.Validate()
			if test.field == "" {
				require.NoError(t, err, "a valid profile was refused")
				return
			}
			require.Equal(t, []string{test.field}, wrongFields(t, err), "not this field alone was found wrong")
		})
	}
}

func TestProfileValidateNamesEveryFieldAtOnce(t *testing.T) {
	p := accounts.AccountProfile{
		Status: "x", Mode: "x", Owner: "a b",
		Gateway: accounts.Gateway{Port: -1, ClientID: -1},
	}
	require.ElementsMatch(t, []string{
		"ID", "Name", "IBKRAccountID", "CapitalLevel", "RiskTolerance", "Mode", "Status", "BaseCurrency", "Owner",
		"Gateway.Host", "Gateway.Port", "Gateway.ClientID",
	}, wrongFields(t, p.Validate()), "wrong fields were left out, or right ones named")
}

func TestPresets(t *testing.T) {
	for name, test := range map[string]struct {
		preset func(string) accounts.AccountProfile
		level  accounts.CapitalLevel
		risk   accounts.RiskTolerance
	}{
		"Aggressive-25K":    {accounts.Aggressive25K, "25K", accounts.RiskHigh},
		"Balanced-50K":      {accounts.Balanced50K, "50K", accounts.RiskModerate},
		"Optimal-100K":      {accounts.Optimal100K, "100K", accounts.RiskBalanced},
		"Conservative-250K": {accounts.Conservative250K, "250K", accounts.RiskLow},
	} {
		for account, mode := range map[string]accounts.TradingMode{
			"U1234567": accounts.ModeLive, "DU1234567": accounts.ModePaper, "F1234567": accounts.ModeLive,
		} {
			p := test.preset(account)
			require.Equal(t, name, p.Name, "not the name that users know")
			require.Equal(t, test.level, p.CapitalLevel, "%s has the wrong capital level", name)
			require.Equal(t, test.risk, p.RiskTolerance, "%s has the wrong risk tolerance", name)
			require.Equal(t, account, p.IBKRAccountID, "%s is of another account", name)
			require.Equal(t, mode, p.Mode, "%s took %s for the wrong kind of account", name, account)
			p.ID = "p"
			require.NoError(t, p.Validate(), "%s is not valid with an id", name)
		}
	}
}

// Rows that other programs insert into account_profiles have six columns, one of them a time.
func TestSixColumnsMakeAValidProfile(t *testing.T) {
	row := accounts.AccountProfile{
		ID: "aggressive-25k", Name: "Aggressive-25K", IBKRAccountID: "U1234567",
		CapitalLevel: "25K", RiskTolerance: "high",
	}
	p := row.WithDefaults()
	require.NoError(t, p.Validate(), "the row is not valid with defaults")
	require.Equal(t, accounts.ModeLive, p.Mode)
	require.Equal(t, accounts.StatusActive, p.Status)
	require.Equal(t, ledger.Currency("USD"), p.BaseCurrency)
	require.Equal(t, p, p.WithDefaults(), "defaults change what is there")
	p.Status, p.BaseCurrency = accounts.StatusSuspended, "EUR"
	require.Equal(t, p, p.WithDefaults(), "defaults replace what is there")
}

func TestCapitalLevel(t *testing.T) {
	for in, want := range map[string]struct {
		level  accounts.CapitalLevel
		amount string
	}{
		"25K": {"25K", "25000"}, "25k": {"25K", "25000"}, " 1M ": {"1M", "1000000"}, "100K": {"100K", "100000"},
		"1k": {"1K", "1000"}, "999999M": {"999999M", "999999000000"},
	} {
		level, err := accounts.ParseCapitalLevel(in)
		require.NoError(t, err, "%q was refused", in)
		require.Equal(t, want.level, level, "%q is not in canonical form", in)
		require.True(t, dec(want.amount).Equal(level.Amount()), "%q is %s", in, level.Amount())
	}
	for _, in := range []string{"", "K", "25", "025K", "0K", "-25K", "+25K", "2.5K", "25KK", "25B", "1000000K", "25 K", "٢٥K", "25K\n25K"} {
		level, err := accounts.ParseCapitalLevel(in)
		require.ErrorIs(t, err, accounts.ErrInvalid, "%q was accepted as %q", in, level)
		require.True(t, accounts.CapitalLevel(in).Amount().IsZero(), "%q is worth something", in)
	}
}

func TestParseRiskTolerance(t *testing.T) {
	for in, want := range map[string]accounts.RiskTolerance{
		"low": accounts.RiskLow, "Balanced": accounts.RiskBalanced, "MODERATE": accounts.RiskModerate, " high\t": accounts.RiskHigh,
	} {
		got, err := accounts.ParseRiskTolerance(in)
		require.NoError(t, err, "%q was refused", in)
		require.Equal(t, want, got)
	}
	for _, in := range []string{"", "none", "lo w", "highest", "low,high"} {
		_, err := accounts.ParseRiskTolerance(in)
		require.ErrorIs(t, err, accounts.ErrInvalid, "%q was accepted", in)
	}
}

func TestProfileFilter(t *testing.T) {
	anna := accounts.OwnerID("anna")
	p := aProfile("b")
	p.Owner = anna
	for name, test := range map[string]struct {
		filter accounts.ProfileFilter
		want   bool
	}{
		"everything":      {accounts.ProfileFilter{}, true},
		"its owner":       {accounts.ProfileFilter{Owner: &anna}, true},
		"no owner":        {accounts.ProfileFilter{Owner: new(accounts.OwnerID)}, false},
		"one status":      {accounts.ProfileFilter{Statuses: []accounts.ProfileStatus{"suspended"}}, false},
		"two statuses":    {accounts.ProfileFilter{Statuses: []accounts.ProfileStatus{"suspended", "active"}}, true},
		"another level":   {accounts.ProfileFilter{Levels: []accounts.CapitalLevel{"25K"}}, false},
		"its level":       {accounts.ProfileFilter{Levels: []accounts.CapitalLevel{"25K", "50K"}}, true},
		"page before":     {accounts.ProfileFilter{After: "a"}, true},
		"page after":      {accounts.ProfileFilter{After: "b"}, false},
		"its account":     {accounts.ProfileFilter{IBKRAccountID: p.IBKRAccountID}, true},
		"another account": {accounts.ProfileFilter{IBKRAccountID: p.IBKRAccountID + "0"}, false},
		"all but one met": {accounts.ProfileFilter{Owner: &anna, After: "b"}, false},
	} {
		require.Equal(t, test.want, test.filter.Matches(p), "filter for %s", name)
	}
}
