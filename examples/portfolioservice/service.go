package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/examples/portfolioservice/page"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ibkr/flex"
)

// service is everything that runs, in the order in which it was started.
type service struct {
	options
	log     *slog.Logger
	address string // at which it listens

	listener net.Listener
	store    accounts.Store
	manager  *accounts.MultiAccountManager
	metrics  *metrics
	login    login
	engine   *broker.Engine
	api      *httpapi.API
	failed   chan error // why the service cannot go on; has room for each who may say so

	linking, trading chan struct{} // wake the links and the strategy

	closers []func() error // end what was started, the last first
}

// start starts the service. The caller stops it, unless start returns an error. The context is for
// starting alone.
func start(ctx context.Context, o options, stderr io.Writer) (_ *service, err error) {
	s := &service{options: o, log: slog.New(slog.NewJSONHandler(stderr, nil)), metrics: newMetrics(), failed: make(chan error, 2),
		linking: make(chan struct{}, 1), trading: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	auth, err := o.authenticator()
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{s.listen, s.open, s.connect, s.link,
		func(context.Context) error { return s.serve(auth) }, s.strategise} {
		if err := step(accounts.AsSystem(ctx)); err != nil {
			return nil, err
		}
	}
	s.log.InfoContext(ctx, "the service listens", "address", s.address, "login", o.loginName(), "token", o.tokenFile != "", "kept", o.storage.Kept())
	return s, nil
}

// wait returns when the context ends, or with an error when the service cannot go on.
func (s *service) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// stop ends everything, the last that was started first. It returns what went wrong.
func (s *service) stop() error {
	var problems []error
	for _, f := range slices.Backward(s.closers) {
		problems = append(problems, f())
	}
	s.closers = nil
	return errors.Join(problems...)
}

// closing has stop call f, before what was started earlier.
func (s *service) closing(f func() error) { s.closers = append(s.closers, f) }

// keep runs f until the service is stopped; stop waits for f.
func (s *service) keep(f func(context.Context)) {
	ctx, cancel := context.WithCancel(accounts.AsSystem(context.Background()))
	var group sync.WaitGroup
	group.Go(func() { f(ctx) })
	s.closing(func() error { cancel(); group.Wait(); return nil })
}

// listen takes the address.
func (s *service) listen(ctx context.Context) (err error) {
	var c net.ListenConfig
	if s.listener, err = c.Listen(ctx, "tcp", s.addr); err != nil {
		return fmt.Errorf("-addr %s cannot be had (port 0 takes a free one): %w", s.addr, err)
	}
	s.address = s.listener.Addr().String()
	s.closing(func() error { // the server has closed it, if there was one
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

// open opens the store and the manager.
func (s *service) open(ctx context.Context) (err error) {
	if s.store, err = s.storage.Reopen(ctx); err != nil {
		return err
	}
	s.closing(s.store.Close)
	if s.manager, err = accounts.New(s.store, accounts.WithLogger(s.log)); err != nil {
		return err
	}
	s.closing(s.manager.Close)
	return nil
}

// connect starts the engine, with the paper broker's prices or without. The lease of the login is
// in the store.
func (s *service) connect(ctx context.Context) error {
	if err := s.choose(ctx); err != nil {
		return err
	}
	leases, ok := s.store.(accounts.LeaseStore)
	if !ok {
		return fmt.Errorf("the store %T keeps no leases", s.store)
	}
	var err error
	s.engine, err = broker.Start(ctx, broker.Config{
		Login: s.loginName(), Manager: s.manager, Connect: s.login.connect, Adopt: true, Notify: s.notice,
		Leases: leases, Holder: "portfolioservice-" + rand.Text(), LeaseFor: s.lease, CheckEvery: s.check,
	})
	if err != nil {
		return err
	}
	s.closing(s.engine.Close)
	s.closing(func() error {
		ctx, cancel := context.WithTimeout(accounts.AsSystem(context.Background()), s.patience)
		defer cancel()
		return s.login.end(ctx, s.engine)
	})
	return s.metrics.registry.Register(&state{manager: s.manager, engine: s.engine, bound: s.patience})
}

// choose makes the login: the gateway's, or that of the paper broker with its presets and its
// prices.
func (s *service) choose(ctx context.Context) error {
	name := accounts.LoginID(s.loginName())
	if s.atGateway() {
		s.login = &gatewayLogin{manager: s.manager, config: s.gateway, name: name, live: s.live, log: s.log}
		return nil
	}
	l := &paperLogin{manager: s.manager, market: newMarket(s.seed), profiles: s.profiles}
	s.login = l
	if err := l.create(ctx, name); err != nil {
		return err
	}
	s.keep(func(ctx context.Context) { l.show(ctx, s.tick, s.log) })
	s.keep(func(ctx context.Context) {
		if err := l.move(ctx, s.tick); err != nil {
			s.failed <- err
		}
	})
	return nil
}

// profiles returns the profiles of the login's.
func (s *service) profiles(ctx context.Context) ([]accounts.AccountProfile, error) {
	return profilesOf(ctx, s.manager, accounts.LoginID(s.loginName()), s.live)
}

// notice hears what the engine has seen or done.
func (s *service) notice(n broker.Notice) {
	s.metrics.notice(n)
	level := slog.LevelInfo
	switch n.Kind {
	case broker.NoticeNotReady, broker.NoticeNotSent, broker.NoticeUnknown, broker.NoticeOverdue, broker.NoticeTwice, broker.NoticeMismatch,
		broker.NoticeOrphan, broker.NoticeForeignFill, broker.NoticeUnbooked, broker.NoticeUnpriced, broker.NoticeForeignRow,
		broker.NoticeGap, broker.NoticeBreak:
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, "broker", "kind", string(n.Kind), "login", n.Login, "profile", string(n.Profile),
		"order", string(n.OrderID), "reason", n.Reason)
	wake(s.linking)
	if n.Kind == broker.NoticeReady {
		wake(s.trading)
	}
}

// wake leaves a token in the channel, if there is none.
func wake(tokens chan<- struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

// link has the engine work the profiles of the login: those there are now, and others when they
// come.
func (s *service) link(ctx context.Context) error {
	life, cancel := context.WithCancel(accounts.AsSystem(context.Background()))
	var group sync.WaitGroup
	s.closing(func() error { cancel(); group.Wait(); return nil })
	changes, err := s.manager.Subscribe(life, accounts.EventProfile)
	if err != nil {
		return err
	}
	all, err := s.manager.Subscribe(life)
	if err != nil {
		return err
	}
	l := &links{profiles: s.profiles, engine: s.engine, login: s.login, log: s.log, linked: map[accounts.ProfileID]bool{}}
	if err := l.round(ctx); err != nil { // it is tried again
		s.log.WarnContext(ctx, "profiles are not linked", "err", err)
	}
	group.Go(func() { l.run(life, changes, s.linking) })
	group.Go(func() { s.metrics.count(all) })
	return nil
}

// serve begins to answer. Its end is that of /readyz first, and of streams; then no request is
// taken any more, and those under way have time to finish.
func (s *service) serve(auth httpapi.Authenticator) (err error) {
	life, leave := context.WithCancel(context.Background())
	s.closing(func() error { leave(); return nil })
	s.api, err = httpapi.New(life, httpapi.Config{Manager: s.manager, Auth: auth, Hosts: s.hosts, Logger: s.log,
		Engine: func(accounts.ProfileID) httpapi.Engine { return s.engine }})
	if err != nil {
		return err
	}
	routeOf, err := routes(s.api.OpenAPI(), append(page.Paths(), "/metrics")...)
	if err != nil {
		return err
	}
	statements, err := flex.NewDownloader(s.flex)
	if err != nil {
		return fmt.Errorf("-flex-url: %w", err)
	}
	pages, err := page.New(life, page.Config{Manager: s.manager, Auth: auth, Hosts: s.hosts, Logger: s.log, Download: statements.Download,
		Engine: func(accounts.ProfileID) httpapi.Engine { return s.engine }})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", s.api)
	mux.Handle("/healthz", s.api)
	mux.Handle("/readyz", s.api)
	mux.Handle("/", pages)
	mux.Handle("GET /metrics", s.api.Guard(httpapi.Read, s.metrics.handler()))
	server := newServer(s.metrics.measure(mux, routeOf))
	server.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
	s.closing(func() error {
		defer pages.Wait()
		defer serving.Wait()
		leave()
		time.Sleep(s.drain)
		ctx, cancel := context.WithTimeout(context.Background(), s.patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return errors.Join(fmt.Errorf("requests were broken off: %w", err), server.Close())
		}
		return nil
	})
	return nil
}

// newServer returns a server that waits for no client for ever. The import of statements has five
// minutes, and a minute to be read and one to be answered; streams set the end of each write
// themselves.
func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 7 * time.Minute, IdleTimeout: 2 * time.Minute}
}

// strategise lets the sample strategy trade: always at the paper broker, and with -trade alone at a
// gateway, where its orders go to accounts that the service did not make.
func (s *service) strategise(context.Context) error {
	if s.atGateway() && !s.trade {
		return nil
	}
	strategy := &strategy{manager: s.manager, engine: s.engine, contracts: newMarket(s.seed).contracts(), every: s.every,
		bound: s.patience, log: s.log}
	s.keep(func(ctx context.Context) { strategy.run(ctx, s.trading) })
	return nil
}
