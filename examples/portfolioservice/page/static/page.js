// What the page gains from a script: dialogs in place of pages, live figures, keys. Without it everything
// still works: every [data-dialog] is a link to a page that asks the same.

const $ = (s, r = document) => r.querySelector(s)
const read = async (url, by) => {
  const r = await fetch(url, { headers: { accept: 'text/html', ...by }, cache: 'no-store' })
  if (!r.ok || r.redirected) throw Object.assign(new Error(r.statusText), { gone: r.redirected || r.status < 500 })
  return new DOMParser().parseFromString(await r.text(), 'text/html')
}

// dialogs: the form of the page that a link leads to is asked in place. What cannot be asked in place is
// asked there.
const mark = r => { for (const a of r.querySelectorAll('[data-dialog]')) { a.setAttribute('role', 'button'); a.setAttribute('aria-haspopup', 'dialog') } }
mark(document)
async function ask(a) {
  const form = $('form.ask', await read(a.href))
  if (!form) throw new Error('nothing is asked')
  form.classList.remove('card', 'stack', 'ask')
  const d = document.createElement('dialog')
  d.setAttribute('aria-labelledby', form.getAttribute('aria-labelledby'))
  d.append(form)
  d.addEventListener('click', e => { if (e.target === d || e.target.closest('[data-stay]')) { e.preventDefault(); d.close() } })
  d.addEventListener('close', () => { d.remove(); (a.isConnected && a.checkVisibility() ? a : $('.who'))?.focus() })
  document.body.append(d)
  a.closest('[popover]')?.hidePopover()
  d.showModal()
  $('input:not([type=hidden]), select, .btn', d)?.focus()
}
document.addEventListener('click', e => {
  const a = e.target.closest('a[data-dialog]')
  if (!a || e.button || e.metaKey || e.ctrlKey || e.shiftKey || !HTMLDialogElement.prototype.showModal) return
  e.preventDefault()
  if (a.dataset.busy) return
  a.dataset.busy = '1'
  ask(a).catch(() => { location.href = a.href }).finally(() => { delete a.dataset.busy })
})
document.addEventListener('keydown', e => { // role=button on a link: space presses it, too
  if (e.key === ' ' && e.target.matches?.('a[role=button]')) { e.preventDefault(); e.target.click() }
})

// one order a ticket: a second press of the same button does nothing
document.addEventListener('submit', e => {
  const f = e.target
  if (f.method !== 'post') return
  if (f.dataset.sent) e.preventDefault()
  f.dataset.sent = '1'
})
addEventListener('pageshow', () => document.querySelectorAll('form[data-sent]').forEach(f => delete f.dataset.sent))

// keys, if the reader has switched them on (WCAG 2.1.4): g and a letter goes where the side bar's link of that
// letter goes, a opens the accounts; never while typing, and none that orders
let g = 0
document.addEventListener('keydown', e => {
  if (!('keys' in document.body.dataset) || e.metaKey || e.ctrlKey || e.altKey || e.target.closest?.('input, select, textarea, dialog')) return
  const to = Date.now() - g < 1000 && /^[a-z]$/.test(e.key) && $(`.side [data-key="${e.key}"]`)
  if (to) location.href = to.href
  else if (e.key === 'a') $('#switch')?.showPopover()
  g = e.key === 'g' ? Date.now() : 0
})

// live figures: an event is a hint, what it names is read again, and so it is with each keepalive while
// somebody looks: marks make no events. Two silent keepalives, and figures are old.
const events = document.body.dataset.events
if (events) {
  const stream = new EventSource(events)
  let heard = Date.now(), reading = false, again = false
  const refresh = async () => {
    if (document.hidden) return
    if (reading) { again = true; return }
    reading = true
    try {
      const fresh = await read(location.href, { 'x-read-by': 'clock' })
      for (const el of document.querySelectorAll('[data-live]')) {
        const to = $(`[data-live="${CSS.escape(el.dataset.live)}"]`, fresh)
        if (!to || to.innerHTML === el.innerHTML || el.contains(document.activeElement)) continue
        const changed = to.textContent !== el.textContent
        for (const open of el.querySelectorAll('details[open]')) { $(`details[id="${open.id}"]`, to)?.setAttribute('open', '') }
        el.replaceChildren(...to.childNodes)
        mark(el)
        if (changed) { el.classList.remove('flash'); void el.offsetWidth; el.classList.add('flash') }
      }
      document.title = fresh.title
    } catch (e) { if (e.gone) location.reload() } // signed out, or not there any more; else the figures stay, and grow old
    reading = false
    if (again) { again = false; setTimeout(refresh, 250) }
  }
  for (const kind of ['changed', 'keepalive', 'open']) stream.addEventListener(kind, () => { heard = Date.now() })
  stream.addEventListener('end', () => { stream.close(); setTimeout(() => location.reload(), 1000) })
  stream.addEventListener('changed', refresh)
  stream.addEventListener('keepalive', refresh)
  document.addEventListener('visibilitychange', refresh)
  addEventListener('pagehide', () => stream.close())
  addEventListener('pageshow', e => { if (e.persisted) location.reload() })
  setInterval(() => document.body.classList.toggle('old', !navigator.onLine || Date.now() - heard > 31_000), 1000)
}

// offline: the figures stay, with their time, and nothing can be done from here
const lost = () => {
  if ($('.banner.offline')) return
  const b = document.createElement('div')
  b.className = 'banner offline'
  b.setAttribute('role', 'status')
  b.append(Object.assign(document.createElement('p'), { textContent: 'Offline. This is the last picture. Nothing can be placed, cancelled or halted from here.' }))
  $('.col')?.prepend(b)
  document.body.classList.add('old')
  for (const el of document.querySelectorAll('form, .strip .end, .acts')) el.inert = true
}
addEventListener('offline', lost)
addEventListener('online', () => location.reload())
if (!navigator.onLine) lost()
