package flex

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"

	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/invalid"
)

// What the broker's answer means, besides its code: see [ResponseError]. Each matches with
// errors.Is.
var (
	// ErrToken says that the token is of no use: it is wrong, expired, for another address, or the
	// account's web service is not active (codes 1011, 1012, 1013, 1015). Trying again changes
	// nothing.
	ErrToken = errors.New("the token of the Flex Web Service is refused")
	// ErrQuery says that the query is of no use: it is no query of the token's, of an old kind, or
	// of an account that is not the token's (codes 1010, 1014, 1016, 1020).
	ErrQuery = errors.New("the query of the Flex Web Service is refused")
	// ErrNotReady says that there is no statement yet: the broker still makes it, lacks data, is
	// busy, or was asked too often (codes 1001, 1003 to 1009, 1017 to 1019, 1021). Try again later.
	ErrNotReady = errors.New("the statement is not ready")
)

// meanings are the meanings of the broker's codes. Source: IBKR, Flex Web Service Version 3, "Error
// Codes".
var meanings = map[string]error{
	"1001": ErrNotReady, "1003": ErrNotReady, "1004": ErrNotReady, "1005": ErrNotReady, "1006": ErrNotReady, "1007": ErrNotReady,
	"1008": ErrNotReady, "1009": ErrNotReady, "1010": ErrQuery, "1011": ErrToken, "1012": ErrToken, "1013": ErrToken, "1014": ErrQuery,
	"1015": ErrToken, "1016": ErrQuery, "1017": ErrNotReady, "1018": ErrNotReady, "1019": ErrNotReady, "1020": ErrQuery, "1021": ErrNotReady,
}

// Is reports whether the answer has the meaning: ErrToken, ErrQuery or ErrNotReady.
func (e *ResponseError) Is(target error) bool { return target != nil && meanings[e.Code] == target }

// serviceURL is where a statement is asked for. Source: IBKR, Flex Web Service Version 3.
const serviceURL = "https://ndcdyn.interactivebrokers.com/AccountManagement/FlexWebService/SendRequest"

// A token may ask once a second, and ten times a minute (code 1018 says so): four times at once, a
// little more than a second apart, and then each ten seconds, which is ten times in any minute.
const (
	askEvery   = 1100 * time.Millisecond
	askAtOnce  = 4
	askLater   = 10 * time.Second
	firstPause = 2 * time.Second
	mostPause  = 30 * time.Second
)

// DownloadConfig configures a [Downloader]. The zero value is right for IBKR.
type DownloadConfig struct {
	// URL is the address that a statement is asked for at; IBKR's if empty. It must be https, but
	// on loopback. The statement is fetched from its host, or from one below
	// interactivebrokers.com: no other gets the token.
	URL string
	// Client makes the requests; if nil, one that follows no redirect and gives up on a server that
	// answers nothing for a minute. A Client that follows redirects must not send the token, which
	// is in the address, to others.
	Client *http.Client
	// Patience bounds a download, waiting included; ten minutes if zero.
	Patience time.Duration
	// MaxBytes bounds a statement; 2 GiB if zero.
	MaxBytes int64
}

// Downloader downloads statements from IBKR's Flex Web Service. It keeps to the service's bounds
// for each token: share one among all that download. It is safe for concurrent use.
type Downloader struct {
	config DownloadConfig
	base   *url.URL

	mu     sync.Mutex
	limits map[[sha256.Size]byte]*limits // by the token's hash; forgotten once the token may ask at will
}

// limits are the bounds of a token.
type limits struct{ second, minute *rate.Limiter }

// NewDownloader returns a downloader. It returns ErrInvalid for a URL that is not https, and for
// negative bounds.
func NewDownloader(c DownloadConfig) (*Downloader, error) {
	if c.URL == "" {
		c.URL = serviceURL
	}
	base, err := url.Parse(c.URL)
	v := &invalid.Error{What: "Flex download"}
	v.Check(err == nil && base.Host != "" && base.RawQuery == "" && base.User == nil && secure(base), "URL", "is no https address without a query")
	v.Check(c.Patience >= 0, "Patience", "%s is negative", c.Patience)
	v.Check(c.MaxBytes >= 0, "MaxBytes", "%d is negative", c.MaxBytes)
	if err := v.Err(); err != nil {
		return nil, err
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Minute
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 2 << 30
	}
	if c.Client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = time.Minute
		c.Client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Downloader{config: c, base: base, limits: map[[sha256.Size]byte]*limits{}}, nil
}

// secure reports whether an address keeps the token from others on the way.
func secure(u *url.URL) bool {
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1")
}

// Download asks for the statement of a query and writes it to out, as the broker sends it: XML or
// CSV. It waits while the broker makes the statement. What it wrote before an error is a part at
// most: throw it away.
//
// login is of the kind credentials.FlexToken. Errors: ErrInvalid for another kind, ErrToken,
// ErrQuery, ErrNotReady once Patience is over, the context's, errors of out, and others for what is
// not the service's language or for a statement beyond MaxBytes. No error has the token.
func (d *Downloader) Download(ctx context.Context, login credentials.Set, out io.Writer) error {
	secret, query, ok := login.Flex()
	if !ok {
		return &invalid.Error{What: "Flex download", Fields: []invalid.Field{{Name: "Login", Problem: "has no token and query of the Flex Web Service"}}}
	}
	defer secret.Wipe()
	bounded, cancel := context.WithTimeout(ctx, d.config.Patience)
	defer cancel()
	c := &conversation{d: d, token: string(secret.Reveal()), out: out, pauses: backoff.NewExponentialBackOff()}
	c.pauses.InitialInterval, c.pauses.MaxInterval = firstPause, mostPause
	err := c.run(bounded, query)
	if errors.Is(err, errLate) || err != nil && bounded.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("not within %s: %w", d.config.Patience, cmp.Or(c.last, ErrNotReady))
	}
	return c.clean(err)
}

// conversation is one download.
type conversation struct {
	d      *Downloader
	token  string
	out    io.Writer
	pauses *backoff.ExponentialBackOff
	last   error // why there is no statement yet
}

// answer is what the service says where it sends no statement.
type answer struct {
	XMLName   xml.Name `xml:"FlexStatementResponse"`
	Status    string
	Code      string `xml:"ErrorCode"`
	Message   string `xml:"ErrorMessage"`
	Reference string `xml:"ReferenceCode"`
	URL       string `xml:"Url"`
}

// run asks for a statement until there is one.
func (c *conversation) run(ctx context.Context, query string) error {
	for {
		place, reference, err := c.request(ctx, query)
		if err == nil {
			err = c.collect(ctx, place, reference)
		}
		if !errors.Is(err, errAnew) {
			return err
		}
	}
}

// errAnew says that the statement must be asked for once more: the broker forgot that it was.
var errAnew = errors.New("ask anew")

// request asks for a statement, and returns where it will be, and under which reference.
func (c *conversation) request(ctx context.Context, query string) (place *url.URL, reference string, err error) {
	for {
		a, err := c.ask(ctx, c.d.base, query)
		switch {
		case err != nil:
			return nil, "", err
		case a == nil:
			return nil, "", fmt.Errorf("%w: a statement came where a reference was asked for", ErrFormat)
		case a.Status == "Success":
			place, err := c.place(a)
			return place, a.Reference, err
		}
		if err := c.wait(ctx, a); err != nil {
			return nil, "", err
		}
	}
}

// place returns the address of a statement, if the token may be sent there.
func (c *conversation) place(a *answer) (*url.URL, error) {
	place, err := url.Parse(strings.TrimSpace(a.URL))
	switch {
	case err != nil || a.Reference == "" || strings.Trim(a.Reference, "0123456789") != "":
		return nil, fmt.Errorf("%w: the answer has no reference and address", ErrFormat)
	case !secure(place) || place.Host != c.d.base.Host && !strings.HasSuffix(place.Hostname(), ".interactivebrokers.com"):
		return nil, fmt.Errorf("%w: the statement is at %.100q, which must not get the token", ErrFormat, place.Host)
	}
	return place, nil
}

// collect fetches a statement once it is ready.
func (c *conversation) collect(ctx context.Context, place *url.URL, reference string) error {
	for {
		a, err := c.ask(ctx, place, reference)
		if err != nil || a == nil {
			return err
		}
		if err := c.wait(ctx, a); err != nil {
			return err
		}
		if a.Code == "1017" { // the reference is not known any more
			return errAnew
		}
	}
}

// wait returns the error of an answer, or waits if another try may bring the statement.
func (c *conversation) wait(ctx context.Context, a *answer) error {
	refusal := &ResponseError{Status: a.Status, Code: a.Code, Message: strings.ReplaceAll(a.Message, c.token, "…")}
	if !errors.Is(refusal, ErrNotReady) || a.Code == notAvailable {
		return refusal
	}
	c.last = refusal
	timer := time.NewTimer(c.pauses.NextBackOff())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// notAvailable is the code of a statement that waiting for minutes does not bring.
const notAvailable = "1003"

// head is how much of an answer is looked at to tell what it is, and most what the service says at
// most.
const (
	head    = 512
	mostSay = 64 << 10
)

// ask makes one request in its turn. It returns what the service says; nil once the statement is
// written.
func (c *conversation) ask(ctx context.Context, place *url.URL, what string) (*answer, error) {
	if err := c.d.turn(ctx, c.token); err != nil {
		return nil, err
	}
	address := *place
	address.RawQuery = url.Values{"t": {c.token}, "q": {what}, "v": {"3"}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "accounts/1.0 Go") // the service answers nobody who does not say who asks
	res, err := c.d.config.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the Flex Web Service answered with status %d", res.StatusCode)
	}
	body := bufio.NewReader(res.Body)
	start, err := body.Peek(head)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Contains(start, []byte("<FlexStatementResponse")) {
		var a answer
		if err := xml.NewDecoder(io.LimitReader(body, mostSay)).Decode(&a); err != nil {
			return nil, fmt.Errorf("%w: the service's answer: %w", ErrFormat, err)
		}
		return &a, nil
	}
	if len(start) == 0 {
		return nil, fmt.Errorf("%w: the service sent nothing", ErrFormat)
	}
	n, err := io.Copy(c.out, io.LimitReader(body, c.d.config.MaxBytes+1))
	if err == nil && n > c.d.config.MaxBytes {
		err = fmt.Errorf("%w: the statement has more than %d bytes", ErrFormat, c.d.config.MaxBytes)
	}
	return nil, err
}

// errLate says that a token's turn comes after the download has to end.
var errLate = errors.New("the turn comes too late")

// turn waits until a token may ask.
func (d *Downloader) turn(ctx context.Context, token string) error {
	key := sha256.Sum256([]byte(token))
	d.mu.Lock()
	for k, l := range d.limits { // a token that has not asked for long has all of its bounds left
		if k != key && l.minute.Tokens() >= askAtOnce {
			delete(d.limits, k)
		}
	}
	l := d.limits[key]
	if l == nil {
		l = &limits{rate.NewLimiter(rate.Every(askEvery), 1), rate.NewLimiter(rate.Every(askLater), askAtOnce)}
		d.limits[key] = l
	}
	d.mu.Unlock()
	for _, bound := range []*rate.Limiter{l.minute, l.second} {
		if err := bound.Wait(ctx); err != nil {
			return cmp.Or(ctx.Err(), errLate)
		}
	}
	return nil
}

// clean returns an error without the token, which is in addresses.
func (c *conversation) clean(err error) error {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), c.token):
		return errors.New("flex download: " + strings.ReplaceAll(err.Error(), c.token, "…"))
	}
	return fmt.Errorf("flex download: %w", err)
}
