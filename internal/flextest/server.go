// Package flextest is a Flex Web Service for tests: a server that sends one statement.
package flextest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Server is a Flex Web Service that knows one token and one query. It is safe for concurrent use.
type Server struct {
	URL string // where a statement is asked for

	mu    sync.Mutex
	code  string
	asked int
}

// New starts a server that sends the statement for the token and the query, at once. The server
// ends with the test.
func New(t testing.TB, token, query string, statement []byte) *Server {
	t.Helper()
	s := &Server{}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.URL = server.URL + "/SendRequest"
	mux.HandleFunc("GET /SendRequest", func(w http.ResponseWriter, r *http.Request) {
		code := s.answer()
		switch {
		case code != "":
		case r.URL.Query().Get("t") != token:
			code = "1015"
		case r.URL.Query().Get("q") != query:
			code = "1014"
		default:
			_, _ = fmt.Fprintf(w, "<FlexStatementResponse><Status>Success</Status><ReferenceCode>4711</ReferenceCode><Url>%s/GetStatement</Url></FlexStatementResponse>", server.URL)
			return
		}
		_, _ = io.WriteString(w, Answer(code))
	})
	mux.HandleFunc("GET /GetStatement", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("t") != token || r.URL.Query().Get("q") != "4711" {
			_, _ = io.WriteString(w, Answer("1020"))
			return
		}
		_, _ = w.Write(statement)
	})
	return s
}

// Answer is the text with which the service refuses, by its code.
func Answer(code string) string {
	return "<FlexStatementResponse timestamp='01 June, 2026 11:00 AM EDT'><Status>Fail</Status><ErrorCode>" + code +
		"</ErrorCode><ErrorMessage>Words of " + code + ".</ErrorMessage></FlexStatementResponse>"
}

// Refuse lets the server answer each request for a statement with the code; with none it sends the
// statement again.
func (s *Server) Refuse(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = code
}

// Asked is how many statements the server was asked for.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// answer counts a request, and returns the code to answer with.
func (s *Server) answer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.code
}
