package pgcreds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/ai-ots/accounts"
)

// A keyset in the clear is for small installations. Wherever there is a KMS, have it wrap the
// keyset instead, and read it with keyset.Read of github.com/tink-crypto/tink-go/v2/keyset.

// NewKeyset returns a keyset of one fresh AES-256-GCM key.
func NewKeyset() (*keyset.Handle, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("new keyset: %w", err)
	}
	return h, nil
}

// AddKey returns a keyset with one fresh AES-256-GCM key more, and the id of that key. The keyset
// reads what is put under it and goes on to write under the primary one: once every process has it,
// SetPrimary. h is not changed.
func AddKey(h *keyset.Handle) (*keyset.Handle, uint32, error) {
	var id uint32
	h, err := edit(h, func(m *keyset.Manager) (err error) {
		id, err = m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("add a key: %w", err)
	}
	return h, id, nil
}

// SetPrimary returns a keyset that writes under the key of the id. h is not changed.
func SetPrimary(h *keyset.Handle, id uint32) (*keyset.Handle, error) {
	h, err := edit(h, func(m *keyset.Manager) error { return m.SetPrimary(id) })
	if err != nil {
		return nil, fmt.Errorf("make key %d primary: %w", id, err)
	}
	return h, nil
}

// RemoveKey returns a keyset without the key of the id, which must not be the primary one. What is
// still under it cannot be read any longer: ask KeyUse first. h is not changed.
func RemoveKey(h *keyset.Handle, id uint32) (*keyset.Handle, error) {
	h, err := edit(h, func(m *keyset.Manager) error { return m.Delete(id) })
	if err != nil {
		return nil, fmt.Errorf("remove key %d: %w", id, err)
	}
	return h, nil
}

func edit(h *keyset.Handle, change func(*keyset.Manager) error) (*keyset.Handle, error) {
	if h.Len() == 0 {
		return nil, errKeyset
	}
	m := keyset.NewManagerFromHandle(h)
	if err := change(m); err != nil {
		return nil, err
	}
	return m.Handle()
}

// errKeyset stands for every error of the parser's: nothing of what it read may get into a message.
var errKeyset = fmt.Errorf("%w: not a Tink keyset in JSON, in the clear", accounts.ErrInvalid)

// maxKeyset is far beyond what a keyset has, in bytes.
const maxKeyset = 1 << 20

// ReadKeyset reads a keyset in the clear, as WriteKeyset and Tink write it, from a file.
// accounts.ErrInvalid when it is not a regular file, when it belongs to another user than the one
// who runs the program or root, when others than its owner may read or write it, or when it holds
// something else. Owner and permissions are not looked at on Windows, where they mean little.
func ReadKeyset(path string) (*keyset.Handle, error) {
	h, err := readKeyset(path)
	if err != nil {
		return nil, fmt.Errorf("read keyset %q: %w", path, err)
	}
	return h, nil
}

func readKeyset(path string) (*keyset.Handle, error) {
	info, err := os.Stat(path) // a device may do something when it is opened
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		return nil, bare(err)
	}
	// What counts is the file that is opened: the path may lead to another one by now, such as a
	// pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|noWaiting, 0)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, bare(err)
	}
	if err := trusted(info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyset))
	defer clear(text)
	if err != nil {
		return nil, bare(err)
	}
	return parseKeyset(text)
}

// trusted returns accounts.ErrInvalid unless the file is one that nobody but the user and root can
// have written or read.
func trusted(info os.FileInfo) error {
	mode, owner := info.Mode(), ownerOf(info)
	switch {
	case !mode.IsRegular():
		return errNoFile
	case runtime.GOOS == "windows":
		return nil
	case owner != os.Geteuid() && owner != 0:
		return fmt.Errorf("%w: it belongs to user %d, not to the user %d who runs the program, nor to root", accounts.ErrInvalid, owner, os.Geteuid())
	case mode.Perm()&0o077 != 0:
		return fmt.Errorf("%w: its permissions are %04o: nobody but its owner may have any (chmod 600)", accounts.ErrInvalid, mode.Perm())
	}
	return nil
}

var errNoFile = fmt.Errorf("%w: not a regular file", accounts.ErrInvalid)

// bare takes the path off an error that gets it anyway.
func bare(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// KeysetFromEnv reads a keyset in the clear from an environment variable, in the form of
// WriteKeyset. accounts.ErrInvalid when it is not set or holds something else. Other processes of
// the same user can read a process's environment, and its children inherit it: prefer a file, or a
// KMS.
func KeysetFromEnv(name string) (*keyset.Handle, error) {
	text, set := os.LookupEnv(name)
	if !set {
		return nil, fmt.Errorf("read keyset from $%s: %w: not set", name, accounts.ErrInvalid)
	}
	h, err := parseKeyset([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("read keyset from $%s: %w", name, err)
	}
	return h, nil
}

func parseKeyset(text []byte) (*keyset.Handle, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, errKeyset
	}
	return h, nil
}

// WriteKeyset writes the keyset in the clear into a new file that only its owner may read, and has
// it reach the disk: without the keyset all credentials are lost. It never overwrites a file; to
// replace a keyset, write beside it and rename.
func WriteKeyset(path string, h *keyset.Handle) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write keyset %q: %w", path, err)
		}
	}()
	if h.Len() == 0 {
		return errKeyset
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&text)); err != nil {
		return err
	}
	defer clear(text.Bytes())
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return bare(err)
	}
	_, err = f.Write(text.Bytes())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(bare(err), os.Remove(path))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder has a new file's name reach the disk, where folders can be opened for that.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return bare(err)
	}
	return errors.Join(d.Sync(), d.Close())
}
