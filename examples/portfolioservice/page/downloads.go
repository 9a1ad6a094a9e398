package page

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

// Downloads are bounded: each keeps a statement in memory. One that has ended is remembered as long
// as a file is.
const (
	maxDownloads     = 8
	maxDownloadsEach = 2   // of one caller
	maxRemembered    = 200 // downloads, ended ones included
)

// download is a statement that the broker is asked for, and what came of it. What is not set by its
// beginning is guarded by the mutex of the downloads.
type download struct {
	profile accounts.ProfileID
	caller  string
	begun   time.Time

	query string
	ended time.Time // zero while it runs
	file  string    // the key under which the statement is kept; empty without one
	err   error     // why there is none
}

// running reports whether the broker is still asked.
func (d *download) running() bool { return d.ended.IsZero() }

// downloads are those that run, and those that ended a while ago, by their keys. They outlast the
// requests that began them, and end with the page's life.
type downloads struct {
	mu  sync.Mutex
	of  map[string]*download
	all sync.WaitGroup // those that run
}

// errDownloads says that a caller, or all callers, have enough downloads under way.
var errDownloads = errors.New("too many downloads are under way")

// reserve takes a place for a download. The caller starts or drops the download then. A key that is
// taken has its download already, and reserve reports false.
func (s *downloads) reserve(key string, one *download) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]*download{}
	}
	if s.of[key] != nil {
		return false, nil
	}
	s.sweep(one.begun)
	all, own := 0, 0
	for _, d := range s.of {
		if d.running() {
			all++
			if d.caller == one.caller {
				own++
			}
		}
	}
	if all >= maxDownloads || own >= maxDownloadsEach {
		return false, errDownloads
	}
	s.of[key] = one
	return true, nil
}

// sweep forgets downloads that ended long ago, and the oldest if there are too many.
func (s *downloads) sweep(now time.Time) {
	for key, d := range s.of {
		if !d.running() && now.Sub(d.ended) >= uploadLife {
			delete(s.of, key)
		}
	}
	for len(s.of) >= maxRemembered {
		oldest := ""
		for key, d := range s.of {
			if !d.running() && (oldest == "" || d.ended.Before(s.of[oldest].ended)) {
				oldest = key
			}
		}
		delete(s.of, oldest)
	}
}

// drop gives the place of a download back that was not started.
func (s *downloads) drop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, key)
}

// find returns a copy of a download of a profile; false if it is not here, or not here any more.
func (s *downloads) find(key string, id accounts.ProfileID, now time.Time) (download, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	if d := s.of[key]; d != nil && d.profile == id {
		return *d, true
	}
	return download{}, false
}

// keyed is a download with its key.
type keyed struct {
	key string
	download
}

// list returns copies of the downloads of a profile, the newest first.
func (s *downloads) list(id accounts.ProfileID, now time.Time) (out []keyed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	for key, d := range s.of {
		if d.profile == id {
			out = append(out, keyed{key, *d})
		}
	}
	slices.SortFunc(out, func(a, b keyed) int { return b.begun.Compare(a.begun) })
	return out
}

// start runs a download that has its place, until the page's life ends. It takes over the login,
// and wipes it.
func (p *Page) start(one *download, login credentials.Set) {
	token, query, _ := login.Flex()
	token.Wipe()
	p.downloads.mu.Lock()
	one.query = query
	p.downloads.mu.Unlock()
	p.downloads.all.Go(func() {
		defer login.Wipe()
		text, err := p.fetch(login)
		ended := p.Clock()
		file := ""
		if err == nil {
			file = p.uploads.keep(&upload{text: text, profile: one.profile, at: ended})
		} else if p.life.Err() == nil {
			p.Logger.WarnContext(p.life, "a statement was not downloaded", "profile", string(one.profile), "err", err)
		}
		p.downloads.mu.Lock()
		defer p.downloads.mu.Unlock()
		one.ended, one.file, one.err = ended, file, err
	})
}

// fetch downloads a statement. What panics fails the download, and not the service. The error has
// the type of the panic's value alone: the value may hold the token.
func (p *Page) fetch(login credentials.Set) (text []byte, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("a download panicked with a value of type %T", broken)
		}
	}()
	var out bounded
	if err = p.Download(p.life, login, &out); err != nil {
		return nil, err
	}
	return bytes.Clone(out.text.Bytes()), nil // the buffer may have twice the memory of the text
}

// Wait returns once no download runs any more: end the context of New before. Nothing of a download
// is kept then.
func (p *Page) Wait() { p.downloads.all.Wait() }

// errTooLarge says that a statement is larger than a file that may be sent.
var errTooLarge = fmt.Errorf("the statement has more than %d bytes", maxUpload)

// bounded is a buffer of at most maxUpload bytes. Beyond them it returns errTooLarge.
type bounded struct{ text bytes.Buffer } // whose other methods know no bound

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxUpload {
		return 0, errTooLarge
	}
	return b.text.Write(p)
}
