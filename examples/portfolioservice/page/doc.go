// Package page serves the accounts of a manager as pages for a browser: plain forms and links,
// which work without a script, one style sheet and one small module. It has no build step and makes
// no request to anybody else.
//
// [New] makes an http.Handler of a [Config]. The pages call the library itself, not its API over
// HTTP.
//
// # Rules
//
//   - The account is in the path of every page about one, in its title, in the strip above it and in
//     the words of every button. Looking at an account switches nothing.
//   - A caller sees the profiles of his owner. Another owner's do not exist: 404, never 403.
//   - Paper money is never added to real money, nor one currency to another.
//   - What is not known is "–", never zero. Figures that are not of now keep their time.
//   - Templates get values and words, never markup: no code of this package makes HTML.
//   - Errors are pages in a person's words. The log has the rest, under the request's id.
//
// # Forms
//
// A form that asks (halt, switch, place) is a page of its own: <form class="card pad stack ask"
// method="post" aria-labelledby="…">, with the harmless choice first, a link with the attribute
// data-stay. Links to the page have the attribute data-dialog: the module shows the form in a
// dialog in place of the page. Parts of a page that must change while somebody looks have the
// attribute data-live, with a name of their own on the page; no form that a person fills in is in
// one.
//
// A form has the fields of its table and no others, each once. A form about an account names the
// account in a hidden field; one that was made for another account is refused, and nothing is done.
// What was typed comes back with all that is wrong beside the fields; secrets never come back. A
// form that makes something (an order, a signal, a profile) has a key of its rendering, of which
// the id of what is made is a function: however often the form is sent, one thing is made. Whoever
// acts is sent to a page that shows the outcome, as it is then.
//
// # Statements
//
// A statement is sent as a file, or fetched from the broker by the number of a Flex query and a
// token: see Config.Download. The token is typed for one download, or stored with the credentials
// of the profile where the manager keeps any, and never shown. A download outlasts its request and
// a reload, and ends with the page's life; few run at once. What it brings is kept as a file that
// was sent is: it is shown, and imported when somebody says so.
//
// # Reading the code
//
// The table of routes is all there is: requests are served by it, and the tests walk it. Read
// route.go (a row of the table), page.go (from a request to its row), call.go (from a row to its
// answer), then a screen: its file has its routes, its view and its handler, and templates/ has its
// template under the same name. layout.go has what is on every page, account.go who an account is,
// format.go how figures are written, words.go what a rule is in words, chart.go the drawings,
// auth.go who calls, failure.go errors, events.go the stream, form.go how forms are read and shown.
// An order goes from ticket.go by check.go to place.go, and order.go tells what became of it; a
// signal from signal.go to signalplace.go. session.go knows the browsers that have signed in,
// upload.go the files that were sent, downloads.go what the broker is asked for.
package page
