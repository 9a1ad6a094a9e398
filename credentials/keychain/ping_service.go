//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keychain

import (
	"context"

	ss "github.com/zalando/go-keyring/secret_service"
)

// Ping asks the Secret Service which collections there are: that opens none of them.
func (system) Ping(ctx context.Context, _ string) error {
	service, err := ss.NewSecretService()
	if err != nil {
		return err
	}
	return service.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").CallWithContext(ctx,
		"org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.Secret.Service", "Collections").Err
}
