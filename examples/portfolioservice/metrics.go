package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// metrics are the service's figures for Prometheus, in a registry of their own. Labels are routes,
// codes, kinds, rules, states and the ids of profiles: there is no account number, no amount and no
// secret among them. What is counted is what this process has seen.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	streams  prometheus.Gauge
	notices  *prometheus.CounterVec
	events   *prometheus.CounterVec
	refused  *prometheus.CounterVec
}

// streamRoute is the one route whose answers do not end by themselves.
const streamRoute = "/api/v1/events"

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "accounts_http_requests_total",
			Help: "Requests that were answered."}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "accounts_http_request_duration_seconds",
			Help: "How long answers took, but for streams.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}},
			[]string{"route", "method"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "accounts_http_streams", Help: "Streams of events that are open."}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "accounts_engine_notices_total",
			Help: "What the engine has told, by kind: sent, not_sent, unknown, break and others."}, []string{"kind"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "accounts_events_total",
			Help: "Changes of profiles by any process. Of many at once the newest may be counted alone."}, []string{"kind"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "accounts_orders_refused_total",
			Help: "Orders that were refused by any process, by the first rule that they broke. Of many at once the newest may be counted alone."}, []string{"rule"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.streams, m.notices, m.events, m.refused, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// handler serves the figures. One that cannot be had is left out.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// notice counts a notice of the engine's.
func (m *metrics) notice(n broker.Notice) { m.notices.WithLabelValues(string(n.Kind)).Inc() }

// count counts events until the channel is closed.
func (m *metrics) count(events <-chan accounts.Event) {
	for e := range events {
		m.events.WithLabelValues(string(e.Kind)).Inc()
		if e.Kind == accounts.EventRefused {
			m.refused.WithLabelValues(string(e.Rule)).Inc()
		}
	}
}

// methods are those that are told apart; a client can make up others.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// routes returns what names the route of a request: a pattern of the API's description or of more,
// and "other" for everything else, so that no client can make up names.
func routes(description []byte, more ...string) (func(*http.Request) string, error) {
	var d struct {
		Paths map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(description, &d); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for path := range d.Paths {
		more = append(more, path)
	}
	for _, pattern := range more {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	return func(r *http.Request) string {
		if _, pattern := mux.Handler(r); pattern != "" {
			return pattern
		}
		return "other"
	}, nil
}

// answer is an answer whose status is noted.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is beneath.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// measure counts and times what a handler answers.
func (m *metrics) measure(h http.Handler, routeOf func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, method, begin := routeOf(r), r.Method, time.Now()
		if !slices.Contains(methods, method) {
			method = "other"
		}
		a := &answer{ResponseWriter: w}
		if route == streamRoute {
			m.streams.Inc()
			defer m.streams.Dec()
		}
		defer func() { // an answer that broke off counts with what it began with
			m.requests.WithLabelValues(route, method, strconv.Itoa(a.status)).Inc()
			if route != streamRoute {
				m.duration.WithLabelValues(route, method).Observe(time.Since(begin).Seconds())
			}
		}()
		h.ServeHTTP(a, r)
	})
}

// state are the figures of profiles and of the engine, taken when they are asked for.
type state struct {
	manager *accounts.MultiAccountManager
	engine  *broker.Engine
	bound   time.Duration
}

// The descriptions of state's figures.
var (
	profilesDesc = desc("accounts_profiles", "Profiles by status.", "status")
	tradingDesc  = desc("accounts_profile_trading_state", "1 for the trading state of an active profile.", "profile", "state")
	tradesDesc   = desc("accounts_profile_trades", "Trades in the book of an active profile.", "profile")
	workingDesc  = desc("accounts_profile_working_orders", "Orders whose exposure is held, of an active profile.", "profile")
	markAgeDesc  = desc("accounts_profile_oldest_mark_age_seconds", "Age of the oldest mark of what an active profile holds; none while a mark is missing.", "profile")
	worksDesc    = desc("accounts_engine_works", "1 if this process works the login.", "login")
	fenceDesc    = desc("accounts_engine_lease_number", "Number of the lease under which this process works the login; 0 if another does.", "login")
	sessionDesc  = desc("accounts_engine_session", "1 for the state of the session with the broker.", "login", "state")
	readyDesc    = desc("accounts_account_ready", "1 if the account of a profile is in step with the broker.", "profile")
	openDesc     = desc("accounts_account_questions", "Orders of which it is not known what the broker has made of them.", "profile")
	breaksDesc   = desc("accounts_account_breaks", "Positions that differ from the broker's.", "profile")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (s *state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{profilesDesc, tradingDesc, tradesDesc, workingDesc, markAgeDesc, worksDesc, fenceDesc,
		sessionDesc, readyDesc, openDesc, breaksDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), s.bound)
	defer cancel()
	s.collectEngine(out)
	profiles, err := s.manager.ListProfiles(ctx, accounts.ProfileFilter{})
	if err != nil {
		out <- prometheus.NewInvalidMetric(profilesDesc, err)
		return
	}
	count := map[accounts.ProfileStatus]int{accounts.StatusActive: 0, accounts.StatusInactive: 0, accounts.StatusSuspended: 0, accounts.StatusArchived: 0}
	for _, p := range profiles {
		count[p.Status]++
		if p.Status != accounts.StatusActive {
			continue
		}
		portfolio, err := s.manager.Portfolio(ctx, p.ID)
		if err != nil {
			out <- prometheus.NewInvalidMetric(tradesDesc, err)
			continue
		}
		collectBook(out, p.ID, portfolio.Snapshot())
	}
	for status, n := range count {
		gauge(out, profilesDesc, n, string(status))
	}
}

// collectBook tells the figures of one book.
func collectBook(out chan<- prometheus.Metric, id accounts.ProfileID, s accounts.Snapshot) {
	for _, state := range []risk.TradingState{risk.TradingActive, risk.TradingReducing, risk.TradingHalted} {
		gauge(out, tradingDesc, one(s.Risk.State == state), string(id), string(state))
	}
	gauge(out, tradesDesc, int(s.Trades), string(id))
	gauge(out, workingDesc, len(s.Risk.Orders), string(id))
	if age, known := markAge(s.Open, time.Now()); known {
		out <- prometheus.MustNewConstMetric(markAgeDesc, prometheus.GaugeValue, age.Seconds(), string(id))
	}
}

// markAge returns the age of the oldest mark of what is held; false while a mark is missing.
func markAge(held []ledger.PositionValue, now time.Time) (age time.Duration, known bool) {
	for i := range held {
		if !held[i].Marked() {
			return 0, false
		}
		age = max(age, now.Sub(held[i].Mark.Time))
	}
	return age, true
}

// collectEngine tells how the engine stands.
func (s *state) collectEngine(out chan<- prometheus.Metric) {
	status := s.engine.Status()
	gauge(out, worksDesc, one(status.Works), status.Login)
	gauge(out, fenceDesc, int(status.Fence), status.Login)
	for _, state := range []broker.SessionState{broker.SessionUsable, broker.SessionDisconnected, broker.SessionCompeting,
		broker.SessionLoginNeeded, broker.SessionClosed} {
		gauge(out, sessionDesc, one(status.Session.Session == state), status.Login, string(state))
	}
	for _, a := range status.Accounts {
		gauge(out, readyDesc, one(a.Ready), string(a.Profile))
		gauge(out, openDesc, len(a.Questions), string(a.Profile))
		gauge(out, breaksDesc, len(a.Breaks), string(a.Profile))
	}
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, n int, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
