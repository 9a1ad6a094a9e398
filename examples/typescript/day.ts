// Trades a day in one account of a service, through a client whose types are made of the service's
// description. Prints what came of it, as JSON.
//
//	node out/day.js http://127.0.0.1:8080 Balanced-50K SPY
//
// $ACCOUNTS_TOKEN is the token of a service that wants one.
import createClient from "openapi-fetch"
import type { components, paths } from "./api.js"

type Order = components["schemas"]["OrderRequest"]
type Event = components["schemas"]["EventView"]
type Problem = components["schemas"]["Problem"]

const [base, name, symbol] = process.argv.slice(2)
if (!base || !name || !symbol) throw new Error("usage: node out/day.js ADDRESS PROFILE SYMBOL")
const headers: Record<string, string> = process.env.ACCOUNTS_TOKEN ? { authorization: `Bearer ${process.env.ACCOUNTS_TOKEN}` } : {}
const api = createClient<paths>({ baseUrl: base, headers })
const run = crypto.randomUUID()
const end = AbortSignal.timeout(60_000) // bounds the whole day

/** The answer of a call, or its problem as an error. */
async function must<T>(call: Promise<{ data?: T; error?: Problem }>): Promise<T> {
  const { data, error } = await call
  if (data === undefined) throw new Error(`${error?.code}: ${error?.detail ?? error?.title}`)
  return data
}

/** Opens the stream of what is recorded in a profile: whatever comes from now on is heard. */
async function listen(profile: string): Promise<AsyncGenerator<Event>> {
  const query = new URLSearchParams({ profile, kind: "recorded" })
  const { ok, status, body } = await fetch(`${base}/api/v1/events?${query}`, { headers, signal: end })
  if (!ok || !body) throw new Error(`events: status ${status}`)
  return read(body.pipeThrough(new TextDecoderStream()))
}

async function* read(stream: ReadableStream<string>): AsyncGenerator<Event> {
  let text = ""
  for await (const part of stream) {
    const whole = (text + part).split("\n\n")
    text = whole.pop() ?? ""
    for (const event of whole) {
      const data = /^data: (.*)$/m.exec(event)?.[1]
      if (data) yield JSON.parse(data) as Event
    }
  }
}

const { profiles } = await must(api.GET("/api/v1/profiles", { params: { query: { limit: 100 } } }))
const profile = profiles.find(p => p.name === name)
if (!profile) throw new Error(`there is no profile ${name}`)
const path = { id: profile.id }
const order = (quantity: string): Order => ({ instrument: { sec_type: "STK", symbol, currency: "USD" }, quantity, type: "market" })
const place = (quantity: string, key: string) =>
  api.POST("/api/v1/profiles/{id}/orders", { params: { path, header: { "Idempotency-Key": key } }, body: order(quantity) })

/** Places an order, and waits until the book has all of its fills. An event is a hint to look. */
async function trade(quantity: string, key: string) {
  const hints = await listen(path.id)
  const { order_id, repeat } = await must(place(quantity, key))
  for await (const _ of hints) {
    const { trades } = await must(api.GET("/api/v1/profiles/{id}/trades", { params: { path, query: { limit: 100 } } }))
    const fills = trades.map(t => t.value).filter(t => t.order_id === order_id)
    if (fills.reduce((sum, f) => sum + Number(f.quantity), 0) === Number(quantity))
      return { order: order_id, repeat, prices: fills.map(f => f.price) }
  }
  throw new Error("the stream ended before the order filled")
}

const check = await must(api.POST("/api/v1/profiles/{id}/orders/check", { params: { path }, body: order("2") }))
const bought = await trade("2", `${run}-buy`)
const again = await must(place("2", `${run}-buy`)) // as after an answer that was lost
const refused = await place("1000000", `${run}-large`)

await must(api.POST("/api/v1/profiles/{id}/halt", { params: { path }, body: { reason: "the client's day" } }))
const halted = await place("1", `${run}-halted`)
await must(api.POST("/api/v1/profiles/{id}/resume", { params: { path }, body: { reason: "the client's day goes on" } }))

const { allocations } = await must(api.POST("/api/v1/signals", {
  params: { query: { dry_run: true } },
  body: { id: `${run}-signal`, instrument: order("1").instrument, action: "buy" },
}))
const sold = await trade("-2", `${run}-sell`)
const { closings } = await must(api.GET("/api/v1/profiles/{id}/closings", { params: { path, query: { limit: 100 } } }))
const { standings } = await must(api.GET("/api/v1/comparison", {}))

console.log(JSON.stringify({
  profile: profile.name,
  allowed: check.allowed,
  bought,
  again: { order: again.order_id, repeat: again.repeat },
  refused: { status: refused.response.status, rules: refused.error?.decision?.violations?.map(v => v.rule) },
  halted: { status: halted.response.status, rules: halted.error?.decision?.violations?.map(v => v.rule) },
  signal: allocations.length,
  sold,
  realized: closings.filter(c => c.value.trade.order_id === sold.order).map(c => c.value.realized),
  standings: standings.map(s => s.name),
}, null, 2))
