// Package keychain keeps credentials in the operating system's keychain: macOS Keychain, Windows
// Credential Manager, or what offers the Secret Service on Linux and the BSDs, such as GNOME Keyring.
// Whoever may open the user's keychain can read them; the system decides who that is and when it asks.
package keychain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/zalando/go-keyring"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

// ErrUnavailable is returned when the keychain cannot be reached or does not open: there is none, it is
// locked and nobody unlocks it, or the system refuses. The system's own error is wrapped; it is about
// the keychain, and never holds a secret.
var ErrUnavailable = errors.New("keychain is not available")

// Store is an accounts.CredentialStore in the keychain of the user who runs the program. Make one with
// New. All methods are safe for concurrent use.
//
// One process at a time should write for one application name: the keychain has no transactions, and
// two that write the same profile at once may leave it with credentials that nobody can read (Get
// says so with accounts.ErrCorrupt, and Put mends it). Within a process, and when a process is killed
// at any moment, a profile has its old or its new credentials. Parts that such a process leaves behind
// are removed by the profile's next Put or Delete.
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
// credentials. accounts.ErrInvalid unless the name is 1 to 50 printable characters of ASCII. It does not
// open the keychain yet.
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

// Put implements accounts.CredentialStore. Credentials of any valid size fit: they are split into items of
// the size that every platform takes. accounts.ErrInvalid when the list of profiles is full, which has
// room for some 1,800 ids of 50 bytes.
func (s *Store) Put(ctx context.Context, id accounts.ProfileID, c credentials.Set) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if id == "" {
		err = fmt.Errorf("%w: the profile id is empty", accounts.ErrInvalid)
	} else {
		err = c.Validate()
	}
	if err == nil {
		err = s.note(ctx, id) // before it is there: List may know too many, and never too few
	}
	if err == nil {
		packed := pack(c)
		defer clear(packed)
		err = s.items.write(ctx, profileName(id), packed)
	}
	if err != nil {
		return fmt.Errorf("put credentials of profile %.60q: %w", id, err)
	}
	return nil
}

// Get implements accounts.CredentialStore. accounts.ErrCorrupt when what the keychain has is not what
// Put wrote; ErrUnavailable when it cannot be read.
func (s *Store) Get(ctx context.Context, id accounts.ProfileID) (credentials.Set, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	packed, err := s.items.read(ctx, profileName(id))
	defer clear(packed)
	var c credentials.Set
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		err = accounts.ErrCredentialsNotFound
	case err == nil:
		c, err = unpack(packed)
	}
	if err != nil {
		return nil, fmt.Errorf("get credentials of profile %.60q: %w", id, err)
	}
	return c, nil
}

// Delete implements accounts.CredentialStore.
func (s *Store) Delete(ctx context.Context, id accounts.ProfileID) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	err = s.items.remove(ctx, profileName(id))
	if err == nil {
		err = s.forget(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("delete credentials of profile %.60q: %w", id, err)
	}
	return nil
}

// List implements accounts.CredentialStore. The system's interface has no list: the store keeps one
// beside the credentials, and looks whether each is there.
func (s *Store) List(ctx context.Context) ([]accounts.ProfileID, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	noted, err := s.noted(ctx)
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	ids := []accounts.ProfileID{}
	for _, id := range noted {
		there, err := s.items.exists(ctx, profileName(id))
		if err != nil {
			return nil, fmt.Errorf("list credentials: %w", err)
		}
		if there {
			ids = append(ids, id)
		}
	}
	return ids, nil
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
