package pgcreds

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"github.com/ai-ots/accounts"
)

func TestKeysetSurvivesItsFile(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, WriteKeyset(path, keys), "WriteKeyset failed")
	info, err := os.Stat(path)
	require.NoError(t, err, "stat")
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "others can read the file")
	read, err := ReadKeyset(path)
	require.NoError(t, err, "ReadKeyset failed")
	encrypt, err := aead.New(keys)
	require.NoError(t, err, "aead")
	decrypt, err := aead.New(read)
	require.NoError(t, err, "aead")
	sealed, err := encrypt.Encrypt([]byte("text"), nil)
	require.NoError(t, err, "encrypt")
	plain, err := decrypt.Decrypt(sealed, nil)
	require.NoError(t, err, "the keyset that was read is another")
	require.Equal(t, "text", string(plain), "the keyset that was read is another")

	require.ErrorIs(t, WriteKeyset(path, newKeys(t)), os.ErrExist, "a keyset was overwritten")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "target"), link), "link")
	require.ErrorIs(t, WriteKeyset(link, keys), os.ErrExist, "a keyset was written where a link leads")
	require.ErrorIs(t, WriteKeyset(filepath.Join(t.TempDir(), "no", "file"), keys), os.ErrNotExist, "no folder")
	require.ErrorIs(t, WriteKeyset(filepath.Join(t.TempDir(), "x"), nil), accounts.ErrInvalid, "no keyset")
}

func TestFileThatOthersMayReadIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, WriteKeyset(path, newKeys(t)), "WriteKeyset failed")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(path, link), "link")
	for mode := range os.FileMode(0o1000) {
		if mode&0o400 == 0 && os.Getuid() != 0 {
			continue // could not be read at all
		}
		require.NoError(t, os.Chmod(path, mode), "chmod")
		for _, p := range []string{path, link} {
			_, err := ReadKeyset(p)
			if mode&0o077 == 0 {
				require.NoError(t, err, "mode %04o was refused", mode)
			} else {
				require.ErrorIs(t, err, accounts.ErrInvalid, "mode %04o was accepted", mode)
				require.ErrorContains(t, err, "chmod 600", "what to do is not said")
			}
		}
	}
}

func TestWhatIsNoKeysetFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := ReadKeyset(dir)
	require.ErrorIs(t, err, accounts.ErrInvalid, "a folder")
	_, err = ReadKeyset(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist, "a file that is not there")
	for i, text := range []string{"", "{}", "kn0wn-s3cret", `{"primaryKeyId":1,"key":["kn0wn-s3cret"]}`,
		`{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"kn0wn-s3cret","value":"AAAA","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}`,
		`{"encryptedKeyset":"a24wd24="}`} {
		path := filepath.Join(dir, string(rune('a'+i)))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600), "write")
		h, err := ReadKeyset(path)
		if err == nil { // a keyset of keys that Tink does not know until they are used
			_, err = newVault(h, DefaultSchema)
		}
		require.ErrorIs(t, err, accounts.ErrInvalid, "%q was accepted", text)
		require.NotContains(t, err.Error(), "s3cret", "the error tells what is in the file")
	}
}

func TestKeysetFromEnv(t *testing.T) {
	const name = "PGCREDS_TEST_KEYSET"
	_, err := KeysetFromEnv(name)
	require.ErrorIs(t, err, accounts.ErrInvalid, "a variable that is not set")
	keys := newKeys(t)
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, WriteKeyset(path, keys), "WriteKeyset failed")
	text, err := os.ReadFile(path)
	require.NoError(t, err, "read")
	t.Setenv(name, string(text))
	h, err := KeysetFromEnv(name)
	require.NoError(t, err, "KeysetFromEnv failed")
	require.Equal(t, keys.String(), h.String(), "another keyset")
	t.Setenv(name, string(text[:len(text)-5]))
	_, err = KeysetFromEnv(name)
	require.ErrorIs(t, err, accounts.ErrInvalid, "half a keyset")
	require.NotContains(t, err.Error(), string(text[20:40]), "the error tells what is in the variable")
}

func TestKeysComeAndGo(t *testing.T) {
	t.Parallel()
	first := newKeys(t)
	old := first.KeysetInfo().GetPrimaryKeyId()
	two, id, err := AddKey(first)
	require.NoError(t, err, "AddKey failed")
	require.Equal(t, 1, first.Len(), "AddKey changed its argument")
	require.Equal(t, old, two.KeysetInfo().GetPrimaryKeyId(), "a key that not every process has is primary")
	_, err = RemoveKey(two, old)
	require.Error(t, err, "the primary key was removed")
	primary, err := SetPrimary(two, id)
	require.NoError(t, err, "SetPrimary failed")
	require.Equal(t, id, primary.KeysetInfo().GetPrimaryKeyId(), "another key is primary")
	for _, k := range primary.KeysetInfo().GetKeyInfo() {
		require.Equal(t, "type.googleapis.com/google.crypto.tink.AesGcmKey", k.GetTypeUrl(), "not AES-GCM")
		require.Equal(t, tinkpb.OutputPrefixType_TINK, k.GetOutputPrefixType(), "no id in what it encrypts")
	}
	one, err := RemoveKey(primary, old)
	require.NoError(t, err, "RemoveKey failed")
	require.Equal(t, 1, one.Len(), "nothing was removed")
	_, err = SetPrimary(one, old)
	require.Error(t, err, "a key that is gone is primary")
	_, _, err = AddKey(nil)
	require.ErrorIs(t, err, accounts.ErrInvalid, "no keyset")
	_, _, err = AddKey(&keyset.Handle{})
	require.ErrorIs(t, err, accounts.ErrInvalid, "an empty keyset")
}
