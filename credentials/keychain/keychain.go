// Package keychain keeps credentials in the operating system's keychain: macOS Keychain, Windows
// Credential Manager, or what offers the Secret Service on Linux and the BSDs, such as GNOME
// Keyring. Whoever may open the user's keychain can read them; the system decides who that is and
// when it asks.
package keychain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/zalando/go-keyring"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

// ErrUnavailable is returned when the keychain cannot be reached or does not open: there is none,
// it is locked and nobody unlocks it, or the system refuses. The system's own error is wrapped; it
// is about the keychain, and never holds a secret.
var ErrUnavailable = errors.New("keychain is not available")

// Store is an accounts.CredentialStore in the keychain of the user who runs the program. Make one
// with New. All methods are safe for concurrent use.
//
// One process at a time should write for one application name: the keychain has no transactions,
// and two that write the same login at once may leave it with credentials that nobody can read (Get
// says so with accounts.ErrCorrupt, and Put mends it), or lose a kind that one of them wrote.
// Within a process, and when a process is killed at any moment, a login has its old or its new
// credentials. Parts that such a process leaves behind are removed by the login's next Put or
// Delete.
//
// Credentials that an earlier version stored under the id of a profile are those of the profile's
// own login. They are read as they are, and written in the new form by the next Put.
//
// A call blocks while the system asks the user for permission, and heeds the context before and
// between the keychain's items only.
type Store struct {
	items items

	mu     sync.Mutex
	closed bool
}

var _ accounts.CredentialStore = (*Store)(nil)

// New returns the store of one application. Stores of different names do not see each other's
// credentials. accounts.ErrInvalid unless the name is 1 to 50 printable characters of ASCII. It
// does not open the keychain yet.
func New(application string) (*Store, error) {
	if application == "" || len(application) > 50 || slices.ContainsFunc([]byte(application), func(c byte) bool { return c < ' ' || c > '~' }) {
		return nil, fmt.Errorf("keychain: %w: application name %.60q is not 1 to 50 printable characters", accounts.ErrInvalid, application)
	}
	return &Store{items: items{system{}, application + " accounts"}}, nil
}

// ring is a keychain: values under a service's and a user's name.
type ring interface {
	Set(service, user, value string) error
	Get(service, user string) (string, error) // keyring.ErrNotFound on a miss
	Delete(service, user string) error        // likewise
	Ping(ctx context.Context, service string) error
}

// system is the operating system's.
type system struct{}

func (system) Set(service, user, value string) error    { return keyring.Set(service, user, value) }
func (system) Get(service, user string) (string, error) { return keyring.Get(service, user) }
func (system) Delete(service, user string) error        { return keyring.Delete(service, user) }

// begin takes the lock, and refuses a done context and a closed store.
func (s *Store) begin(ctx context.Context) (end func(), err error) {
	s.mu.Lock()
	if err = ctx.Err(); err == nil && s.closed {
		err = accounts.ErrClosed
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return s.mu.Unlock, nil
}

// Put implements accounts.CredentialStore. Credentials of any valid size fit: they are split into
// items of the size that every platform takes. accounts.ErrInvalid when the list of logins is full,
// which has room for some 4,700 keys of 100 bytes. Where nobody can read what the login has, c
// takes the place of all of it.
func (s *Store) Put(ctx context.Context, key accounts.LoginKey, c credentials.Set) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if key == "" {
		err = fmt.Errorf("%w: the login's key is empty", accounts.ErrInvalid)
	} else {
		err = c.Validate()
	}
	if err == nil {
		err = s.note(ctx, key) // before it is there: List may know too many, and never too few
	}
	if err == nil {
		err = s.put(ctx, key, c)
	}
	if err != nil {
		return fmt.Errorf("put credentials of login %.110q: %w", key, err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, key accounts.LoginKey, c credentials.Set) error {
	kept, err := s.read(ctx, key)
	switch {
	case errors.Is(err, accounts.ErrCorrupt), errors.Is(err, accounts.ErrCredentialsNotFound):
		kept = kinds{}
	case err != nil:
		return err
	}
	defer kept.wipe()
	kept[c.Kind()].Wipe()
	kept[c.Kind()] = c.Clone()
	return s.write(ctx, key, kept)
}

// Get implements accounts.CredentialStore. accounts.ErrCorrupt when what the keychain has is not
// what Put wrote; ErrUnavailable when it cannot be read.
func (s *Store) Get(ctx context.Context, key accounts.LoginKey, kind credentials.Kind) (credentials.Set, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	kept, err := s.read(ctx, key)
	defer kept.wipe()
	c, found := kept[kind]
	if err == nil && !found {
		err = accounts.ErrCredentialsNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("get credentials of login %.110q, kind %.40q: %w", key, kind, err)
	}
	return c.Clone(), nil
}

// Delete implements accounts.CredentialStore. Where nobody can read what the login has, all of it
// goes.
func (s *Store) Delete(ctx context.Context, key accounts.LoginKey, of ...credentials.Kind) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if len(of) == 0 {
		err = s.drop(ctx, key)
	} else {
		err = s.delete(ctx, key, of)
	}
	if err != nil {
		return fmt.Errorf("delete credentials of login %.110q: %w", key, err)
	}
	return nil
}

// drop removes all that the login has.
func (s *Store) drop(ctx context.Context, key accounts.LoginKey) error {
	if err := s.items.remove(ctx, itemName(key)); err != nil {
		return err
	}
	return s.forget(ctx, key)
}

// delete removes kinds.
func (s *Store) delete(ctx context.Context, key accounts.LoginKey, of []credentials.Kind) error {
	kept, err := s.read(ctx, key)
	if err != nil && !errors.Is(err, accounts.ErrCorrupt) && !errors.Is(err, accounts.ErrCredentialsNotFound) {
		return err
	}
	defer kept.wipe()
	before := len(kept)
	for _, kind := range of {
		kept[kind].Wipe()
		delete(kept, kind)
	}
	switch len(kept) {
	case 0:
		return s.drop(ctx, key)
	case before:
		return nil
	}
	return s.write(ctx, key, kept)
}

// Kinds implements accounts.CredentialStore. It reads what Get reads, with the same errors.
func (s *Store) Kinds(ctx context.Context, key accounts.LoginKey) ([]credentials.Kind, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	kept, err := s.read(ctx, key)
	defer kept.wipe()
	if err != nil && !errors.Is(err, accounts.ErrCredentialsNotFound) {
		return nil, fmt.Errorf("kinds of credentials of login %.110q: %w", key, err)
	}
	list := slices.AppendSeq(make([]credentials.Kind, 0, len(kept)), maps.Keys(kept))
	slices.Sort(list)
	return list, nil
}

// List implements accounts.CredentialStore. The system's interface has no list: the store keeps one
// beside the credentials, and looks whether each is there.
func (s *Store) List(ctx context.Context) ([]accounts.LoginKey, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	noted, err := s.noted(ctx)
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	keys := []accounts.LoginKey{}
	for _, key := range noted {
		there, err := s.items.exists(ctx, itemName(key))
		if err != nil {
			return nil, fmt.Errorf("list credentials: %w", err)
		}
		if there {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Ping implements accounts.CredentialStore: nil when the keychain answers. It opens nothing: a
// keychain that is locked answers, and what needs it open may then ask the user, or fail.
// ErrUnavailable when nothing answers.
func (s *Store) Ping(ctx context.Context) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := s.items.ring.Ping(ctx, s.items.service); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return fmt.Errorf("ping keychain: %w", unavailable(err))
	}
	return nil
}

// Close implements accounts.CredentialStore. What is in the keychain stays there.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
