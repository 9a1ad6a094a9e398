package pgstore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// profileRow is a row of account_profiles.
type profileRow struct {
	ID       string         `db:"profile_id"`
	Name     string         `db:"profile_name"`
	Account  string         `db:"ibkr_account_id"`
	Level    string         `db:"capital_level"`
	Risk     string         `db:"risk_tolerance"`
	Created  sql.NullTime   `db:"created_at"`
	Owner    string         `db:"owner_id"`
	Mode     sql.NullString `db:"mode"`
	Status   string         `db:"status"`
	Currency string         `db:"base_currency"`
	Host     string         `db:"gateway_host"`
	Port     int            `db:"gateway_port"`
	ClientID int            `db:"gateway_client_id"`
	Limits   []byte         `db:"limits"`
	Version  int64          `db:"version"`
	Updated  sql.NullTime   `db:"updated_at"`
	LastUsed sql.NullTime   `db:"last_used_at"`
	Login    string         `db:"login_id"`
}

// A time that is infinite is none.
const profileRead = `profile_id, profile_name, ibkr_account_id, capital_level, risk_tolerance,
	CASE WHEN isfinite(created_at) THEN created_at END AS created_at,
	owner_id, mode, status, base_currency, gateway_host, gateway_port, gateway_client_id, limits, version,
	CASE WHEN isfinite(updated_at) THEN updated_at END AS updated_at,
	CASE WHEN isfinite(last_used_at) THEN last_used_at END AS last_used_at, login_id`

const profileColumns = `profile_id, profile_name, ibkr_account_id, capital_level, risk_tolerance, created_at,
	owner_id, mode, status, base_currency, gateway_host, gateway_port, gateway_client_id, limits, version,
	updated_at, last_used_at, login_id`

// profile returns the profile. A row without a mode was not written by this package, which always
// writes one, but by another service with the columns that the plan names: it gets the defaults.
func (r *profileRow) profile() (accounts.AccountProfile, error) {
	p := accounts.AccountProfile{
		ID: accounts.ProfileID(r.ID), Name: r.Name, IBKRAccountID: r.Account,
		CapitalLevel: accounts.CapitalLevel(r.Level), RiskTolerance: accounts.RiskTolerance(r.Risk),
		Mode: accounts.TradingMode(r.Mode.String), Status: accounts.ProfileStatus(r.Status),
		BaseCurrency: ledger.Currency(r.Currency),
		Gateway:      accounts.Gateway{Host: r.Host, Port: r.Port, ClientID: r.ClientID},
		Login:        accounts.LoginID(r.Login),
		Owner:        accounts.OwnerID(r.Owner), Version: r.Version,
		CreatedAt: timeOf(r.Created), UpdatedAt: timeOf(r.Updated), LastUsedAt: timeOf(r.LastUsed),
	}
	if r.Limits != nil {
		// Strict: a limit that this library does not know must not go unheeded.
		dec := json.NewDecoder(bytes.NewReader(r.Limits))
		dec.DisallowUnknownFields()
		var limits *storedLimits
		if err := dec.Decode(&limits); err != nil {
			return unreadable(p), fmt.Errorf("%w: row of account_profiles %q, column limits: %w", accounts.ErrInvalid, r.ID, err)
		}
		p.Limits = (*risk.Limits)(limits)
	}
	if !r.Mode.Valid {
		foreign(&p)
	}
	return p, nil
}

// unreadable is what lists have of a profile with limits that this library does not understand: one
// that may not trade, and cannot be written back.
func unreadable(p accounts.AccountProfile) accounts.AccountProfile {
	foreign(&p)
	p.Limits, p.Version = &risk.Limits{}, 0
	if p.Status != accounts.StatusArchived {
		p.Status = accounts.StatusSuspended
	}
	return p
}

// foreign makes a profile of a row that was written by other means.
func foreign(p *accounts.AccountProfile) {
	if level, err := accounts.ParseCapitalLevel(string(p.CapitalLevel)); err == nil {
		p.CapitalLevel = level
	}
	if risk, err := accounts.ParseRiskTolerance(string(p.RiskTolerance)); err == nil {
		p.RiskTolerance = risk
	}
	if p.UpdatedAt.IsZero() {
		p.UpdatedAt = p.CreatedAt
	}
	*p = p.WithDefaults()
}

func timeOf(t sql.NullTime) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// nullTime is a time as a parameter; the zero time is NULL.
func nullTime(t time.Time) sql.NullTime { return sql.NullTime{Time: stored(t), Valid: !t.IsZero()} }

// storedLimits are limits in the form of the column: as the tags say, with durations in
// nanoseconds.
type storedLimits risk.Limits

// limitsOf is a profile's limits as a parameter: as text, which every driver takes for jsonb.
func limitsOf(p *accounts.AccountProfile) (sql.NullString, error) {
	if p.Limits == nil {
		return sql.NullString{}, nil
	}
	text, err := json.Marshal((*storedLimits)(p.Limits))
	return sql.NullString{String: string(text), Valid: true}, err
}

// CreateProfile implements accounts.Store. ErrInvalid for what the columns cannot hold: texts that
// are longer than they allow, not UTF-8 or with a zero byte.
func (s *Store) CreateProfile(ctx context.Context, p accounts.AccountProfile) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	limits, err := limitsOf(&p)
	if err != nil {
		return fmt.Errorf("create profile %q: %w: %w", p.ID, accounts.ErrInvalid, err)
	}
	_, err = s.write(ctx, `
		WITH created AS (
			INSERT INTO trading.account_profiles (`+profileColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
			RETURNING profile_id
		), head AS (
			INSERT INTO trading.journal_heads (profile_id) SELECT profile_id FROM created
		)
		SELECT pg_notify($19, $20) FROM created`,
		string(p.ID), p.Name, p.IBKRAccountID, string(p.CapitalLevel), string(p.RiskTolerance), nullTime(p.CreatedAt),
		string(p.Owner), string(p.Mode), string(p.Status), string(p.BaseCurrency), p.Gateway.Host, p.Gateway.Port,
		p.Gateway.ClientID, limits, p.Version, nullTime(p.UpdatedAt), nullTime(p.LastUsedAt), string(p.Login),
		s.channel(), profileNote(&p))
	return s.failed(ctx, err, "create profile %q", p.ID)
}

// UpdateProfile implements accounts.Store. ErrInvalid as for CreateProfile.
func (s *Store) UpdateProfile(ctx context.Context, p accounts.AccountProfile) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	limits, err := limitsOf(&p)
	if err != nil {
		return fmt.Errorf("update profile %q: %w: %w", p.ID, accounts.ErrInvalid, err)
	}
	for tries := 0; ; tries++ {
		w, err := s.write(ctx, `
			WITH updated AS (
				UPDATE trading.account_profiles SET
					profile_name = $4, ibkr_account_id = $5, capital_level = $6, risk_tolerance = $7, mode = $8,
					status = $9, base_currency = $10, gateway_host = $11, gateway_port = $12,
					gateway_client_id = $13, limits = $14, updated_at = $15, login_id = $16, version = version + 1
				WHERE profile_id = $1 AND owner_id = $2 AND version = $3
				RETURNING profile_id
			)
			SELECT pg_notify($17, $18) FROM updated`,
			string(p.ID), string(p.Owner), p.Version, p.Name, p.IBKRAccountID, string(p.CapitalLevel),
			string(p.RiskTolerance), string(p.Mode), string(p.Status), string(p.BaseCurrency), p.Gateway.Host,
			p.Gateway.Port, p.Gateway.ClientID, limits, nullTime(p.UpdatedAt), string(p.Login),
			s.channel(), profileNote(&p))
		if err != nil || w.rows > 0 {
			return s.failed(ctx, err, "update profile %q", p.ID)
		}
		version, err := get[int64](ctx, s, `SELECT version FROM trading.account_profiles WHERE profile_id = $1 AND owner_id = $2`,
			string(p.ID), string(p.Owner))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return notFound(p.ID)
		case err != nil && w.sent > 1:
			return fmt.Errorf("update profile %q: %w", p.ID, unknown(ctx, err))
		case err != nil:
			return s.failed(ctx, err, "update profile %q", p.ID)
		case version != p.Version && w.sent > 1:
			return fmt.Errorf("update profile %q: %w: sent again when the connection was lost, it found version %d, not %d",
				p.ID, accounts.ErrOutcomeUnknown, version, p.Version)
		case version != p.Version:
			return fmt.Errorf("%w: profile %q is at version %d, not %d", accounts.ErrConflict, p.ID, version, p.Version)
		}
		if tries >= maxTries || !s.retry.Pause(ctx, tries+1) {
			return s.failed(ctx, errRefused, "update profile %q", p.ID) // by a rule or policy of the site's
		}
		// It came to this version in between: once more.
	}
}

// Profile implements accounts.Store. accounts.ErrInvalid, with the row and its column, for a
// profile whose limits this version of the library does not understand: a limit that it does not
// know must not go unheeded. See Profiles.
func (s *Store) Profile(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
	if err := s.ready(ctx); err != nil {
		return accounts.AccountProfile{}, err
	}
	row, err := get[profileRow](ctx, s, `SELECT `+profileRead+` FROM trading.account_profiles WHERE profile_id = $1`, string(id))
	if missing(err) {
		return accounts.AccountProfile{}, notFound(id)
	}
	if err != nil {
		return accounts.AccountProfile{}, s.failed(ctx, err, "read profile %q", id)
	}
	p, err := row.profile()
	if err != nil {
		return accounts.AccountProfile{}, fmt.Errorf("read profile %q: %w", id, err)
	}
	return p, nil
}

// Profiles implements accounts.Store. One row that cannot be read does not keep the others from
// being listed: a profile whose limits this version of the library does not understand is listed as
// suspended, unless it is archived, with limits that permit nothing and Version 0, so that
// UpdateProfile does not take it. A filter for active profiles leaves it out, and one for suspended
// profiles does not find it. Profile says what is wrong with it.
func (s *Store) Profiles(ctx context.Context, f accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	found := []accounts.AccountProfile{}
	for {
		rows, err := s.profileRows(ctx, f)
		if err != nil {
			return nil, s.failed(ctx, err, "list profiles")
		}
		for i := range rows {
			p, err := rows[i].profile()
			if err != nil && len(f.Statuses) > 0 && !slices.Contains(f.Statuses, p.Status) {
				continue
			}
			found = append(found, p)
		}
		switch {
		case f.Limit <= 0 || len(rows) < f.Limit:
			return found, nil
		case len(found) >= f.Limit:
			return found[:f.Limit], nil
		}
		f.After = accounts.ProfileID(rows[len(rows)-1].ID) // for those that were left out
	}
}

// profileRows reads the rows that match the filter.
func (s *Store) profileRows(ctx context.Context, f accounts.ProfileFilter) ([]profileRow, error) {
	var owner sql.NullString
	if f.Owner != nil {
		owner = sql.NullString{String: string(*f.Owner), Valid: true}
	}
	limit := sql.NullInt64{Int64: int64(f.Limit), Valid: f.Limit > 0}
	rows, err := list[profileRow](ctx, s, `
		SELECT `+profileRead+` FROM trading.account_profiles
		WHERE profile_id COLLATE "C" > $1
			AND ($2::text IS NULL OR owner_id = $2)
			AND (cardinality($3::text[]) = 0 OR status = ANY ($3::text[]))
			AND (cardinality($4::text[]) = 0 OR capital_level = ANY ($4::text[]))
			AND ($6::text = '' OR ibkr_account_id = $6)
		ORDER BY profile_id COLLATE "C" LIMIT $5`,
		string(f.After), owner, textArray(f.Statuses), textArray(f.Levels), limit, f.IBKRAccountID)
	if hasState(err, invalidEncoding) {
		return nil, nil // what no column can hold is nowhere
	}
	return rows, err
}

// textArray is strings as a parameter.
func textArray[T ~string](list []T) pq.StringArray {
	out := make(pq.StringArray, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// missing reports whether a look-up found nothing. What no column can hold is nowhere.
func missing(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || hasState(err, invalidEncoding)
}

func notFound(id accounts.ProfileID) error {
	return fmt.Errorf("%w: %q", accounts.ErrProfileNotFound, id)
}
