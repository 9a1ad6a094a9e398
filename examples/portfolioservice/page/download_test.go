package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/store/memstore"
)

// flexToken is a token that no page may show.
const flexToken = "987654321098765432109876"

// statementBroker makes statements.
type statementBroker struct {
	mu     sync.Mutex
	text   string
	err    error
	hold   chan struct{} // a download waits until it is closed
	logins []string      // token and query of each download
}

func (b *statementBroker) download(ctx context.Context, login credentials.Set, out io.Writer) error {
	token, query, _ := login.Flex()
	b.mu.Lock()
	b.logins = append(b.logins, string(token.Reveal())+" "+query)
	text, err, hold := b.text, b.err, b.hold
	b.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err == nil {
		_, err = io.WriteString(out, text)
	}
	return err
}

// answers lets the next downloads end with a text or an error, and at once unless they are held.
func (b *statementBroker) answers(text string, err error, hold chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text, b.err, b.hold = text, err, hold
}

// asked returns the logins of the downloads so far.
func (b *statementBroker) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.logins...)
}

// fetchForm is the form of a download on the page of statements.
func (r *rig) fetchForm(who, name string, pairs ...string) filled {
	r.t.Helper()
	text := r.get(who, r.path(name, "statement")).text(r.t, http.StatusOK)
	require.NotRegexp(r.t, `type="password"[^>]*value=`, text)
	checkPage(r.t, r, r.path(name, "statement"), text)
	return formTo(r.t, text, r.path(name, "statement", "download")).with(pairs...)
}

// fetched sends a form of a download, waits for the download's end, and reads its page.
func (r *rig) fetched(who string, f filled) answer {
	r.t.Helper()
	a := r.send(who, f)
	require.Equal(r.t, http.StatusSeeOther, a.Code, plain(a.Body.String()))
	require.NotContains(r.t, a.Header().Get("Location"), flexToken)
	r.handler.(*Page).Wait()
	return r.get(who, a.Header().Get("Location"))
}

// storedQuery returns the stored query of a profile; empty if no token is stored.
func (r *rig) storedQuery(name string) string {
	r.t.Helper()
	set, err := r.manager.Credentials(owned("ann"), r.ids[name], credentials.FlexToken)
	if errors.Is(err, accounts.ErrCredentialsNotFound) {
		return ""
	}
	require.NoError(r.t, err)
	defer set.Wipe()
	token, query, ok := set.Flex()
	require.True(r.t, ok)
	require.Equal(r.t, flexToken, string(token.Reveal()))
	return query
}

// A statement is fetched while nobody waits, shown, and imported; its token is stored and never shown.
func TestDownload(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	hold := make(chan struct{})
	r.broker.answers(aStatement, nil, hold)
	f := r.fetchForm("ann", "Balanced-50K", "query", "77", "token", " "+flexToken+"\r\n")
	require.Equal(t, "yes", f.values.Get("keep"))
	a := r.send("ann", f)
	page := a.Header().Get("Location")
	text := r.follow("ann", a)
	checkPage(t, r, page, text)
	require.Contains(t, plain(text), "Query 77, asked for at 14:32:07")
	require.Contains(t, r.get("ann", page).text(t, http.StatusOK), "The broker makes the statement", "a reload loses nothing")
	require.Equal(t, page, r.send("ann", f).Header().Get("Location"), "the same form asks once")
	require.Contains(t, r.page("Balanced-50K", "statement"), "Query 7714:32:07 · the broker makes the statement")
	close(hold)
	r.handler.(*Page).Wait()
	require.Equal(t, []string{flexToken + " 77"}, r.broker.asked())
	require.Contains(t, r.page("Balanced-50K", "statement"), "the statement is here")
	require.Empty(t, r.portfolio("ann", "Balanced-50K").Positions(), "nothing is imported by itself")

	text = r.follow("ann", r.get("ann", page))
	require.Contains(t, plain(text), "2 facts that the book does not have")
	text = r.follow("ann", r.send("ann", formTo(t, text, r.path("Balanced-50K", "statement"))))
	require.Contains(t, plain(text), "It is in the book.")
	require.Len(t, r.portfolio("ann", "Balanced-50K").Positions(), 1)

	require.Equal(t, "77", r.storedQuery("Balanced-50K"))
	text = r.get("ann", r.path("Balanced-50K", "statement")).text(t, http.StatusOK)
	require.Contains(t, plain(text), "The token that is stored for Balanced-50K is used, unless you type another.")
	f = r.fetchForm("ann", "Balanced-50K")
	require.Empty(t, f.values.Get("keep"))
	r.follow("ann", r.fetched("ann", f))
	r.follow("ann", r.fetched("ann", r.fetchForm("ann", "Balanced-50K", "query", "78")))
	require.Equal(t, []string{flexToken + " 77", flexToken + " 77", flexToken + " 78"}, r.broker.asked())
	require.Equal(t, "77", r.storedQuery("Balanced-50K"), "another query is not stored unless it is asked for")
	for _, path := range append(r.namePages(), r.path("Balanced-50K", "credentials"), page) {
		require.NotContains(t, r.get("ann", path).Body.String(), flexToken, path)
	}
	require.NotContains(t, r.log.String(), flexToken)
	r.clock.set(rigNow.Add(uploadLife))
	require.Contains(t, r.get("ann", page).text(t, http.StatusNotFound), "The download is not here any more.")
	require.NotContains(t, r.page("Balanced-50K", "statement"), "Fetched lately")
}

// What is wrong in the form is beside its fields, the token is typed anew, and nothing is asked for.
func TestDownloadForm(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	before := r.stand()
	for wrong, values := range map[string][]string{
		"This is needed.":        {"query", "77", "token", ""},
		"This is needed":         {"query", "", "token", flexToken},
		"Write its number, such": {"query", "77x", "token", flexToken},
		"A token has digits":     {"query", "77", "token", "x" + flexToken},
	} {
		text := r.send("ann", r.fetchForm("ann", "Balanced-50K", values...)).text(t, http.StatusUnprocessableEntity)
		require.Contains(t, text, wrong)
		require.Equal(t, 1, strings.Count(text, `class="err"`))
		require.NotContains(t, text, flexToken)
		require.Contains(t, text, fmt.Sprintf(`value="%s"`, values[1]), "what is no secret stays")
		require.NoError(t, wellFormed(text))
	}
	f := r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken)
	r.send("ann", f.with("keep", "no")).text(t, http.StatusBadRequest)
	r.send("ann", f.with("once", "guess")).text(t, http.StatusBadRequest)
	r.send("guest", f).text(t, http.StatusForbidden)
	r.send("ann", f.with("profile", "other")).text(t, http.StatusConflict)
	require.Empty(t, r.broker.asked())
	require.NotContains(t, r.log.String(), flexToken)
	require.Equal(t, before, r.stand())
	require.NotContains(t, r.get("guest", r.path("Balanced-50K", "statement")).text(t, http.StatusOK), "Fetch")
	require.NoError(t, r.manager.ArchiveProfile(owned("ann"), r.ids["Balanced-50K"]))
	require.NotContains(t, r.page("Balanced-50K", "statement"), "Fetch")
	r.send("ann", f).text(t, http.StatusBadRequest)
}

// Who may record and not administer uses the stored token, or one of his own for once, and stores none.
func TestDownloadByATrader(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	r.auth.set("tom", httpapi.Caller{Name: "tom", Owner: "ann", Rights: httpapi.Read | httpapi.Record})
	r.broker.answers(aStatement, nil, nil)
	f := r.fetchForm("tom", "Balanced-50K", "query", "77", "token", flexToken)
	require.NotContains(t, f.values, "keep")
	r.send("tom", f.with("keep", "yes")).text(t, http.StatusForbidden)
	require.Empty(t, r.broker.asked())
	r.follow("tom", r.fetched("tom", f))
	require.Empty(t, r.storedQuery("Balanced-50K"))
	r.follow("ann", r.fetched("ann", r.fetchForm("ann", "Balanced-50K", "query", "78", "token", flexToken)))
	r.follow("tom", r.fetched("tom", r.fetchForm("tom", "Balanced-50K")))
	require.Equal(t, []string{flexToken + " 77", flexToken + " 78", flexToken + " 78"}, r.broker.asked())
}

// Where the service keeps no credentials, the token is used once and offered nowhere to be stored.
func TestDownloadWithoutCredentials(t *testing.T) {
	r := newRig(t)
	store := memstore.New()
	m, err := accounts.New(store, accounts.WithClock(r.clock.Now), accounts.RequireOwner())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()); require.NoError(t, store.Close()) })
	r.manager = m
	r.handler, err = New(t.Context(), Config{Manager: m, Auth: r.auth, Clock: r.clock.Now, Download: r.broker.download})
	require.NoError(t, err)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	r.broker.answers(aStatement, nil, nil)
	f := r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken)
	require.NotContains(t, f.values, "keep")
	require.Contains(t, r.page("Balanced-50K", "statement"), "The token is used for this one download, and not kept.")
	r.follow("ann", r.fetched("ann", f))
	require.Contains(t, r.send("ann", r.fetchForm("ann", "Balanced-50K", "query", "77")).text(t, http.StatusUnprocessableEntity), "This is needed.")
	text := r.send("ann", r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken, "keep", "yes")).text(t, http.StatusConflict)
	require.Contains(t, text, "The service keeps no credentials.")
	require.Len(t, r.broker.asked(), 1)

	r.handler, err = New(t.Context(), Config{Manager: m, Auth: r.auth, Clock: r.clock.Now})
	require.NoError(t, err)
	require.NotContains(t, r.page("Balanced-50K", "statement"), "Fetch", "without a downloader the pages take files alone")
	r.send("ann", f).text(t, http.StatusBadRequest)
}

// Whatever keeps a statement from coming is said in words, with the broker's code, and nothing is taken in.
func TestDownloadFails(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	refusal := func(code string) error {
		return fmt.Errorf("flex download: %w", &flex.ResponseError{Status: "Fail", Code: code, Message: "Words of " + code})
	}
	for n, c := range []struct {
		err   error
		words string
	}{
		{refusal("1003"), "There is no statement of this query."}, {refusal("1010"), "The query is of an old kind."}, {refusal("1011"), "switched off for this account."},
		{refusal("1012"), "The token has expired."}, {refusal("1013"), "The token is for other addresses."}, {refusal("1014"), "The query is none of this token’s."},
		{refusal("1015"), "The token is wrong."}, {refusal("1016"), "The query is of an account that is none of this token’s."},
		{refusal("1018"), "The broker was asked too often."}, {refusal("1020"), "The broker refuses the request."},
		{refusal("1019"), "The statement is not ready yet."}, {refusal("1001"), "The statement is not ready yet."}, {refusal("1021"), "The broker’s code is 1021."},
		{refusal("4711"), "What its code means is not known here. The broker’s code is 4711."},
		{refusal("<b>"), "What its code means is not known here. The broker’s code is <b>."},
		{flex.ErrNotReady, "The broker did not say why."}, {fmt.Errorf("x: %w", flex.ErrFormat), "What came is no statement."},
		{fmt.Errorf("x: %w", errTooLarge), "The statement is too large for this page."}, {errors.New("no such host"), "The broker cannot be reached."},
	} {
		r.broker.answers("", c.err, nil)
		a := r.fetched("ann", r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken))
		text := a.text(t, http.StatusOK)
		checkPage(t, r, a.path, text)
		require.Contains(t, plain(text), c.words)
		require.Contains(t, plain(text), "Nothing was taken in.")
		require.NotContains(t, text, "Words of", "the broker's own words are for the log")
		require.NotContains(t, text, flexToken)
		heading, _ := downloadWords(c.err)
		require.Equal(t, n+1, strings.Count(r.log.String(), "a statement was not downloaded"))
		require.Contains(t, r.page("Balanced-50K", "statement"), heading)
	}
	require.NotContains(t, r.log.String(), flexToken)
	require.NotContains(t, r.log.String(), "a request failed")
}

// A downloaded file is checked like an uploaded file: a statement of another account is refused, and so is
// a file that is no statement.
func TestDownloadOfSomethingElse(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	for _, c := range []struct {
		text, words string
		status      int
	}{
		{strings.ReplaceAll(aStatement, "DU1000050", "DU1999999"), "This statement is of another account.", http.StatusConflict},
		{"<html></html>", "This file is no statement that can be read.", http.StatusUnprocessableEntity},
	} {
		r.broker.answers(c.text, nil, nil)
		a := r.fetched("ann", r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken))
		require.Contains(t, r.get("ann", a.Header().Get("Location")).text(t, c.status), c.words)
	}
	r.broker.answers(strings.Repeat("x", maxUpload+1), nil, nil)
	text := r.fetched("ann", r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken)).text(t, http.StatusOK)
	require.Contains(t, text, "The statement is too large for this page.")
}

// A download that panics fails alone, and the log has nothing of the panic's value.
func TestDownloadPanics(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	r.handler.(*Page).Download = func(_ context.Context, login credentials.Set, _ io.Writer) error {
		token, _, _ := login.Flex()
		panic("broken " + string(token.Reveal()))
	}
	text := r.fetched("ann", r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken)).text(t, http.StatusOK)
	require.Contains(t, text, "The broker cannot be reached.")
	require.Contains(t, r.log.String(), "a download panicked with a value of type string")
	require.NotContains(t, r.log.String(), "broken")
	require.NotContains(t, r.log.String(), flexToken)
}

// unread is a store whose credentials nobody can read.
type unread struct {
	accounts.CredentialStore
	get func() error
}

func (u *unread) Get(context.Context, accounts.LoginKey, credentials.Kind) (credentials.Set, error) {
	return nil, u.get()
}

// A download that does not start gives its place back: after an error, and after a panic.
func TestDownloadThatDoesNotStart(t *testing.T) {
	r := newRig(t)
	store, creds := memstore.New(), &unread{CredentialStore: memcreds.New()}
	m, err := accounts.New(store, accounts.WithClock(r.clock.Now), accounts.RequireOwner(), accounts.WithCredentialStore(creds))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, m.Close())
		require.NoError(t, creds.Close())
		require.NoError(t, store.Close())
	})
	r.manager = m
	r.handler, err = New(t.Context(), Config{Manager: m, Auth: r.auth, Clock: r.clock.Now, Download: r.broker.download, Logger: slog.New(slog.NewTextHandler(r.log, nil))})
	require.NoError(t, err)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	r.broker.answers(aStatement, nil, nil)
	typed := []string{"query", "77", "token", flexToken}
	r.follow("ann", r.fetched("ann", r.fetchForm("ann", "Balanced-50K", typed...)))
	creds.get = func() error { return accounts.ErrUnavailable }
	for range maxDownloadsEach + 1 {
		r.send("ann", r.fetchForm("ann", "Balanced-50K")).text(t, http.StatusServiceUnavailable)
	}
	creds.get = func() error { panic("broken") }
	for range maxDownloadsEach + 1 {
		r.send("ann", r.fetchForm("ann", "Balanced-50K")).text(t, http.StatusInternalServerError)
	}
	require.Equal(t, maxDownloadsEach+1, strings.Count(r.log.String(), "a handler panicked"))
	require.Len(t, r.handler.(*Page).downloads.list(r.ids["Balanced-50K"], rigNow), 1)
	r.follow("ann", r.fetched("ann", r.fetchForm("ann", "Balanced-50K", typed...)))
}

// What is typed goes with what is stored: a new token with the stored query, and a new query with
// the stored token.
func TestDownloadWithHalfOfTheLogin(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	r.broker.answers(aStatement, nil, nil)
	other := "1" + flexToken
	for _, pairs := range [][]string{
		{"query", "77", "token", other},
		{"token", flexToken},
		{"query", "78"},
		{"token", flexToken, "keep", "yes"},
		{"query", "78", "keep", "yes"},
	} {
		r.follow("ann", r.fetched("ann", r.fetchForm("ann", "Balanced-50K", pairs...)))
	}
	require.Equal(t, []string{other + " 77", flexToken + " 77", other + " 78", flexToken + " 77", flexToken + " 78"}, r.broker.asked())
	require.Equal(t, "78", r.storedQuery("Balanced-50K"))
	require.NotContains(t, r.log.String(), flexToken)
}

// A statement that is kept takes no more memory than is counted, but for what the allocator rounds
// up to.
func TestDownloadIsKeptWithoutRoom(t *testing.T) {
	r := newRig(t)
	r.handler.(*Page).Download = func(_ context.Context, _ credentials.Set, out io.Writer) error {
		part := make([]byte, 1<<20)
		for range 3 {
			if _, err := out.Write(part); err != nil {
				return err
			}
		}
		return nil
	}
	text, err := r.handler.(*Page).fetch(nil)
	require.NoError(t, err)
	require.Len(t, text, 3<<20)
	require.LessOrEqual(t, cap(text), 3<<20+1<<16)
}

// Another owner, and another profile, do not find a download.
func TestDownloadsOfOthers(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	r.create("ann", accounts.Optimal100K("DU1000100"))
	r.broker.answers(aStatement, nil, nil)
	a := r.send("ann", r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken))
	r.handler.(*Page).Wait()
	page := a.Header().Get("Location")
	key := page[strings.LastIndex(page, "/")+1:]
	r.get("bob", page).text(t, http.StatusNotFound)
	r.get("guest", page).text(t, http.StatusForbidden)
	r.get("ann", r.path("Optimal-100K", "statement", "download", key)).text(t, http.StatusNotFound)
	require.NotContains(t, r.page("Optimal-100K", "statement"), "Fetched lately")
}

// Few downloads run at once: of one caller, and of all. Those that ended are forgotten.
func TestDownloadsAreBounded(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Balanced50K("DU1000050"))
	hold := make(chan struct{})
	r.broker.answers(aStatement, nil, hold)
	begin := func() answer {
		return r.send("ann", r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken, "keep", ""))
	}
	for range maxDownloadsEach {
		require.Equal(t, http.StatusSeeOther, begin().Code)
	}
	require.Contains(t, begin().text(t, http.StatusTooManyRequests), "Enough downloads are under way.")
	require.Empty(t, r.storedQuery("Balanced-50K"), "what is not begun stores nothing")
	close(hold)
	r.handler.(*Page).Wait()
	require.Len(t, r.broker.asked(), maxDownloadsEach)
	require.Equal(t, http.StatusSeeOther, begin().Code)

	var d downloads
	at := func(n int) *download {
		return &download{profile: "p", caller: fmt.Sprint(n), begun: rigNow.Add(time.Duration(n) * time.Second)}
	}
	for n := range maxDownloads {
		begun, err := d.reserve(fmt.Sprint(n), at(n))
		require.NoError(t, err)
		require.True(t, begun)
	}
	begun, err := d.reserve("0", at(0))
	require.NoError(t, err)
	require.False(t, begun, "the key has its download")
	_, err = d.reserve("more", at(maxDownloads))
	require.ErrorIs(t, err, errDownloads)
	d.drop("7")
	for n := range maxRemembered {
		one := at(100 + n)
		_, err = d.reserve(fmt.Sprint("e", n), one)
		require.NoError(t, err)
		one.ended = one.begun
	}
	require.LessOrEqual(t, len(d.of), maxRemembered)
	_, found := d.find("e0", "p", rigNow)
	require.False(t, found, "the oldest that ended makes room")
	require.Len(t, d.list("p", rigNow.Add(time.Hour)), maxDownloads-1, "those that run are never forgotten")
}

// Downloads end with the service.
func TestDownloadsEnd(t *testing.T) {
	r := newRig(t)
	life, end := context.WithCancel(t.Context())
	pages, err := New(life, Config{Manager: r.manager, Auth: r.auth, Clock: r.clock.Now, Download: r.broker.download, Logger: slog.New(slog.NewTextHandler(r.log, nil))})
	require.NoError(t, err)
	r.handler = pages
	r.create("ann", accounts.Balanced50K("DU1000050"))
	r.broker.answers(aStatement, nil, make(chan struct{}))
	a := r.send("ann", r.fetchForm("ann", "Balanced-50K", "query", "77", "token", flexToken))
	end()
	pages.Wait()
	require.Contains(t, r.get("ann", a.Header().Get("Location")).text(t, http.StatusOK), "The service is stopping.")
	require.NotContains(t, r.log.String(), "a statement was not downloaded")
}
