package flex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/internal/flextest"
	"github.com/ai-ots/accounts/invalid"
)

const (
	aToken     = "123456789012345678901234"
	aStatement = `<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="0"></FlexStatements></FlexQueryResponse>`
)

// webService is a Flex Web Service without a network: its answers, one after another, of which the
// last stays.
type webService struct {
	mu      sync.Mutex
	answers []func(r *http.Request) (int, string)
	asked   []string // path and query, without the token
	at      []time.Time
	hosts   []string
}

// RoundTrip implements [http.RoundTripper].
func (s *webService) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	s.asked, s.at, s.hosts = append(s.asked, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]+" "+q.Get("q")), append(s.at, time.Now()), append(s.hosts, r.URL.Host)
	if len(q.Get("t")) != len(aToken) || q.Get("v") != "3" || r.UserAgent() == "" || r.Method != http.MethodGet {
		return nil, errors.New("not a request of version 3")
	}
	f := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	status, text := f(r)
	switch status {
	case 0:
		return nil, errors.New(text)
	case -1: // as the transport's own timeout
		return nil, context.DeadlineExceeded
	}
	rec := httptest.NewRecorder()
	rec.WriteHeader(status)
	_, _ = rec.WriteString(text)
	return rec.Result(), nil
}

func says(status int, text string) func(*http.Request) (int, string) {
	return func(*http.Request) (int, string) { return status, text }
}

func fails(code string) func(*http.Request) (int, string) {
	return says(200, flextest.Answer(code))
}

func ready(address string) func(*http.Request) (int, string) {
	return says(200, `<?xml version="1.0"?><FlexStatementResponse><Status>Success</Status><ReferenceCode>4711</ReferenceCode><Url>`+address+`</Url></FlexStatementResponse>`)
}

const place = "https://gdcdyn.interactivebrokers.com/AccountManagement/FlexWebService/GetStatement"

func flexLogin(t testing.TB, token string) credentials.Set {
	login, err := credentials.NewFlexToken(credentials.NewSecret([]byte(token)), "77")
	require.NoError(t, err)
	return login
}

// fetch downloads a statement from the service in simulated time.
func (s *webService) fetch(ctx context.Context, t *testing.T, change ...func(*DownloadConfig)) (string, error) {
	c := DownloadConfig{Client: &http.Client{Transport: s, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	for _, f := range change {
		f(&c)
	}
	d, err := NewDownloader(c)
	require.NoError(t, err)
	var out bytes.Buffer
	err = d.Download(ctx, flexLogin(t, aToken), &out)
	if err != nil {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), aToken, "the error has the token")
	}
	return out.String(), err
}

func TestDownload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &webService{answers: []func(*http.Request) (int, string){fails("1018"), ready(place), fails("1019"), fails("1019"), says(200, aStatement)}}
		text, err := s.fetch(t.Context(), t)
		require.NoError(t, err)
		require.Equal(t, aStatement, text)
		require.Equal(t, []string{"SendRequest 77", "SendRequest 77", "GetStatement 4711", "GetStatement 4711", "GetStatement 4711"}, s.asked)
		require.Equal(t, "gdcdyn.interactivebrokers.com", s.hosts[2])
	})
}

// A statement in CSV, and one that is large, come as they are.
func TestDownloadStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := `"ClientAccountID","CurrencyPrimary"` + "\n" + strings.Repeat(`"DU100001","USD"`+"\n", 100_000)
		s := &webService{answers: []func(*http.Request) (int, string){ready(place), says(200, large)}}
		text, err := s.fetch(t.Context(), t)
		require.NoError(t, err)
		require.Equal(t, large, text)
		s.answers = []func(*http.Request) (int, string){ready(place), says(200, large)}
		text, err = s.fetch(t.Context(), t, func(c *DownloadConfig) { c.MaxBytes = 1000 })
		require.ErrorIs(t, err, ErrFormat)
		require.LessOrEqual(t, len(text), 1001)
	})
}

// Every code of the service has its meaning, in the first step and in the second.
func TestDownloadCodes(t *testing.T) {
	for code := 1001; code <= 1022; code++ {
		want := map[int]error{1002: nil, 1010: ErrQuery, 1011: ErrToken, 1012: ErrToken, 1013: ErrToken, 1014: ErrQuery, 1015: ErrToken, 1016: ErrQuery, 1020: ErrQuery, 1022: nil}
		meaning, named := want[code]
		if !named {
			meaning = ErrNotReady
		}
		for _, before := range [][]func(*http.Request) (int, string){nil, {ready(place)}} {
			synctest.Test(t, func(t *testing.T) {
				s := &webService{answers: append(before, fails(fmt.Sprint(code)))}
				_, err := s.fetch(t.Context(), t)
				require.Error(t, err)
				for _, m := range []error{ErrToken, ErrQuery, ErrNotReady} {
					require.Equal(t, m == meaning, errors.Is(err, m), "code %d and %v: %v", code, m, err)
				}
				var refusal *ResponseError
				if len(before) == 0 || code != 1017 { // which is followed by a new request
					require.ErrorAs(t, err, &refusal)
					require.Equal(t, fmt.Sprint(code), refusal.Code)
					require.Contains(t, err.Error(), "Words of")
				}
			})
		}
	}
}

// A reference that the broker forgot is asked for anew.
func TestDownloadAsksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &webService{answers: []func(*http.Request) (int, string){ready(place), fails("1017"), ready(place), says(200, aStatement)}}
		_, err := s.fetch(t.Context(), t)
		require.NoError(t, err)
		require.Equal(t, []string{"SendRequest 77", "GetStatement 4711", "SendRequest 77", "GetStatement 4711"}, s.asked)
	})
}

// Downloads with one token ask once a second and ten times a minute at most, however many run.
// Downloads with another token do not wait for them.
func TestDownloadKeepsToTheBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &webService{answers: []func(*http.Request) (int, string){fails("1019")}}
		d, err := NewDownloader(DownloadConfig{Client: &http.Client{Transport: s}, Patience: 20 * time.Minute})
		require.NoError(t, err)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				err := d.Download(t.Context(), flexLogin(t, aToken), io.Discard)
				if !errors.Is(err, ErrNotReady) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Greater(t, len(s.at), 100, "five downloads of twenty minutes")
		for i := 1; i < len(s.at); i++ {
			require.GreaterOrEqual(t, s.at[i].Sub(s.at[i-1]), time.Second, "request %d", i)
			if i >= 10 {
				require.GreaterOrEqual(t, s.at[i].Sub(s.at[i-10]), time.Minute-time.Millisecond, "request %d", i)
			}
		}
		began := time.Now()
		s.answers = []func(*http.Request) (int, string){ready(place), says(200, aStatement)}
		require.NoError(t, d.Download(t.Context(), flexLogin(t, strings.Repeat("9", len(aToken))), io.Discard))
		require.LessOrEqual(t, time.Since(began), askEvery, "another token waits")
		time.Sleep(2 * time.Minute)
		s.answers = []func(*http.Request) (int, string){ready(place), says(200, aStatement)}
		require.NoError(t, d.Download(t.Context(), flexLogin(t, strings.Repeat("8", len(aToken))), io.Discard))
		require.Len(t, d.limits, 1, "tokens are remembered for ever")
	})
}

// Whatever goes wrong, the error says so without the token, and nobody else gets the token.
func TestDownloadFails(t *testing.T) {
	echo := says(200, `<FlexStatementResponse><Status>Fail</Status><ErrorCode>1020</ErrorCode><ErrorMessage>t=`+aToken+`</ErrorMessage></FlexStatementResponse>`)
	for name, answers := range map[string][]func(*http.Request) (int, string){
		"a connection that breaks": {says(0, "reset by peer")},
		"an error with the token":  {says(0, "cannot reach ?t="+aToken)},
		"a server's error":         {says(503, "busy")},
		"a redirect":               {says(302, "")},
		"nothing":                  {says(200, "")},
		"half an answer":           {says(200, "<FlexStatementResponse><Status>")},
		"a statement at once":      {says(200, aStatement)},
		"no reference":             {says(200, `<FlexStatementResponse><Status>Success</Status><Url>`+place+`</Url></FlexStatementResponse>`)},
		"another host":             {ready("https://example.com/GetStatement")},
		"a host that looks alike":  {ready("https://evilinteractivebrokers.com/GetStatement")},
		"no encryption":            {ready("http://gdcdyn.interactivebrokers.com/GetStatement")},
		"no address":               {ready("%zz")},
		"an echo":                  {echo},
		"a late echo":              {ready(place), echo},
		"a late break":             {ready(place), says(0, "reset by peer")},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &webService{answers: answers}
			_, err := s.fetch(t.Context(), t)
			require.Error(t, err, name)
			for _, host := range s.hosts {
				require.True(t, strings.HasSuffix(host, ".interactivebrokers.com"), "%s: %s got the token", name, host)
			}
		})
	}
}

// A download ends with its context, and after its patience with why there is no statement.
func TestDownloadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &webService{answers: []func(*http.Request) (int, string){ready(place), fails("1019")}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := s.fetch(ctx, t)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		s.answers = []func(*http.Request) (int, string){ready(place), fails("1019")}
		began := time.Now()
		_, err = s.fetch(t.Context(), t, func(c *DownloadConfig) { c.Patience = 3 * time.Minute })
		require.ErrorIs(t, err, ErrNotReady)
		require.Contains(t, err.Error(), "not within 3m0s")
		require.Contains(t, err.Error(), "1019")
		require.LessOrEqual(t, time.Since(began), 3*time.Minute)
	})
}

// A server that does not answer is no statement that is not ready: only patience makes that.
func TestDownloadFromASilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &webService{answers: []func(*http.Request) (int, string){func(*http.Request) (int, string) { return -1, "" }}}
		began := time.Now()
		_, err := s.fetch(t.Context(), t)
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrNotReady)
		require.NotContains(t, err.Error(), "not within")
		require.Less(t, time.Since(began), 10*time.Minute)
	})
}

func TestDownloaderConfig(t *testing.T) {
	for _, bad := range []DownloadConfig{{URL: "http://example.com/"}, {URL: "ftp://example.com/"}, {URL: "::"}, {URL: "https://"}, {URL: "https://example.com/?t=1"},
		{URL: "https://user@example.com/"}, {Patience: -1}, {MaxBytes: -1}} {
		_, err := NewDownloader(bad)
		require.ErrorIs(t, err, invalid.Err, "%+v", bad)
	}
	d, err := NewDownloader(DownloadConfig{URL: "http://127.0.0.1:1/SendRequest"})
	require.NoError(t, err)
	require.ErrorIs(t, d.Download(t.Context(), credentials.NewGatewaySession(), io.Discard), invalid.Err)
}

// The downloader speaks with a real server, and what comes can be read.
func TestDownloadFromServer(t *testing.T) {
	server := flextest.New(t, aToken, "77", []byte(`<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1">`+
		`<FlexStatement accountId="DU100001" fromDate="20260601" toDate="20260601" whenGenerated="20260602;060000"></FlexStatement></FlexStatements></FlexQueryResponse>`))
	d, err := NewDownloader(DownloadConfig{URL: server.URL})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, d.Download(t.Context(), flexLogin(t, aToken), &out))
	st, err := NewReader(&out).Next()
	require.NoError(t, err)
	require.Equal(t, "DU100001", st.AccountID)
}
