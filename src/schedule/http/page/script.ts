// The script of the pages. It only replaces parts of a page by what the server makes of them, never one in which somebody is; without it a page is as it
// was when it was loaded. It may make no markup.

export const SCRIPT = `
(() => {
  const status = document.getElementById('live')
  if (status === null || typeof EventSource === 'undefined') return
  const soonest = 2000
  let wanted = false, busy = false, timer

  const say = (text) => { if (status.textContent !== text) status.textContent = text }
  const isInUse = (part) => {
    const selection = getSelection()
    return part.contains(document.activeElement) ||
      (selection !== null && !selection.isCollapsed && part.contains(selection.anchorNode))
  }
  const landmarks = () => [...document.querySelectorAll('main h2[id], main th > a[href]')]
  const nameOf = (one) => one.id || one.getAttribute('href')

  function replace(next) {
    const anchor = scrollY === 0 ? undefined : landmarks().find((one) => one.getBoundingClientRect().top >= 0)
    const top = anchor?.getBoundingClientRect().top
    const name = anchor && nameOf(anchor)
    let left = false
    for (const part of document.querySelectorAll('[data-live]')) {
      const other = next.querySelector('[data-live="' + part.dataset.live + '"]')
      if (other === null || part.innerHTML === other.innerHTML) continue
      if (isInUse(part)) { left = true; continue }
      const isNews = part.dataset.live === 'open' && part.querySelector('.counts')?.textContent !== other.querySelector('.counts')?.textContent
      for (const { id, open } of part.querySelectorAll('details[id]')) {
        const same = other.querySelector('#' + id)
        if (same !== null) same.open = open
      }
      part.replaceChildren(...other.childNodes)
      if (isNews) say('The states of targets have changed.')
    }
    const moved = name === undefined ? undefined : landmarks().find((one) => nameOf(one) === name)
    if (moved !== undefined) scrollBy(0, moved.getBoundingClientRect().top - top)
    return left
  }

  async function update() {
    timer = undefined
    if (document.hidden) return
    wanted = false
    busy = true
    const began = performance.now()
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' } })
      if (answer.ok) wanted = replace(new DOMParser().parseFromString(await answer.text(), 'text/html')) || wanted
    } catch { say('The daemon does not answer.') }
    busy = false
    // A large page is asked for less often.
    rest = Math.max(soonest, 20 * (performance.now() - began))
    restUntil = performance.now() + rest
    if (wanted && !isHeld()) soon()
  }
  let rest = soonest, restUntil = 0
  const isHeld = () => [...document.querySelectorAll('[data-live]')].some(isInUse)
  function soon() {
    wanted = true
    if (busy || timer !== undefined) return
    timer = setTimeout(update, Math.max(0, restUntil - performance.now()))
  }

  const stream = new EventSource('/events?since=' + encodeURIComponent(status.dataset.since ?? ''))
  stream.addEventListener('open', () => say('Live.'))
  stream.addEventListener('change', soon)
  stream.addEventListener('error', () => say(stream.readyState === 2 ? 'Not live: reload for the present state.' : 'Connecting again …'))
  document.addEventListener('visibilitychange', () => { if (!document.hidden && wanted) soon() })
  // What was left alone while somebody was in it.
  document.addEventListener('focusout', () => { if (wanted) soon() })
  // Ages grow without anything happening.
  setInterval(soon, 60000)
})()
`
