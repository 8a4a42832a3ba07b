// The pages of serve in headless Chromium: both themes, narrow and wide, few and many targets; what axe finds, what hostile texts do, how they feel.
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startHttpServer, type HttpServer } from '../../src/schedule/http/server.js'
import {
  doubt,
  hold,
  HOSTILE,
  lastRun,
  manyRows,
  row,
  sampleRuns,
  worldPages,
  type World,
} from '../support/page-world.js'
import { accessibilityFaults, LOOKS, openBrowser, picture, type Look } from './browser.js'

const TOKEN = 'a token of this test'
/** In the page: ms from its start. */
const FIRST_PAINT = `new Promise((resolve) => {
  new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntriesByName('first-contentful-paint')) resolve(startTime)
  }).observe({ type: 'paint', buffered: true })
})`

let browser: Browser
beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
})

const servers: HttpServer[] = []
const contexts: BrowserContext[] = []
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close()
  for (const server of servers.splice(0)) await server.close()
})

async function serverOf(world: World): Promise<HttpServer> {
  const pages = worldPages({ world: () => world, token: TOKEN })
  const server = await startHttpServer({ routes: pages.routes, missing: pages.missing, host: '127.0.0.1', port: 0 })
  servers.push(server)
  return server
}

/** A tab; what its console has to complain of. */
async function tab({ theme, width }: Look, javaScriptEnabled = true): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height: 800 }, javaScriptEnabled })
  contexts.push(context)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, complaints }
}

function worldOf(amount: number): World {
  return {
    rows: manyRows(amount),
    runs: sampleRuns(),
    holds: amount > 0 ? [hold()] : [],
    doubts: amount > 0 ? [doubt()] : [],
  }
}

describe.each([0, 5, 5000])('the pages with %i targets', (amount) => {
  it.each(LOOKS)('are sound in $theme at $width', async (look) => {
    const { url } = await serverOf(worldOf(amount))
    const { page, complaints } = await tab(look)
    const paths = {
      overview: '/',
      ...(amount === 5
        ? { target: '/targets/dns-records', run: '/runs/01JDXK5Q2M0000000000000004', doubt: `/doubts/${doubt().id}` }
        : {}),
    }
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(`${url}${path}`)
      await picture(page, `${name}-${String(amount)}-${look.theme}-${String(look.width)}`)
      // Nothing but a table of code may be wider than the screen, and those are none.
      expect(
        await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
        `${path} scrolls sideways`,
      ).toBe(true)
      expect(await accessibilityFaults(page), path).toEqual([])
    }
    expect(complaints).toEqual([])
  })
})

describe('what comes from outside', () => {
  it('runs nowhere and turns nothing around', async () => {
    const rows = [
      row({
        name: HOSTILE,
        labels: { [HOSTILE]: HOSTILE },
        last: lastRun({ outcome: 'failed', summary: HOSTILE }),
        holds: [hold({ reason: HOSTILE })],
      }),
    ]
    const { url } = await serverOf({
      rows,
      holds: [hold({ target: HOSTILE, reason: HOSTILE })],
      doubts: [doubt({ name: HOSTILE })],
    })
    const { page, complaints } = await tab({ theme: 'light', width: 1280 })
    for (const path of ['/', `/targets/${encodeURIComponent(HOSTILE)}`, `/?q=${encodeURIComponent(HOSTILE)}`]) {
      await page.goto(`${url}${path}`)
      expect(await page.title()).not.toBe('owned')
      expect(
        await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
        `${path} scrolls sideways`,
      ).toBe(true)
      expect(await page.evaluate('document.querySelectorAll("img, textarea, main script, [onerror]").length')).toBe(0)
    }
    await picture(page, 'hostile')
    expect(complaints).toEqual([])
  })
})

describe('at work', () => {
  const look = { theme: 'light', width: 1280 } as const

  it('shows 5,000 targets at once', async () => {
    const { url } = await serverOf(worldOf(5000))
    const { page } = await tab(look)
    const paints: number[] = []
    for (let at = 0; at < 5; at += 1) {
      await page.goto(url)
      paints.push(await page.evaluate<number>(FIRST_PAINT))
    }
    // Told, not judged: how fast it is depends on the machine. What makes it slow is judged: the size of the page.
    console.log(`first paint with 5,000 targets, ms: ${paints.map(Math.round).join(' ')}`)
    expect(await page.evaluate<number>(`document.querySelectorAll('main tbody tr').length`)).toBe(100)
    expect((await page.content()).length).toBeLessThan(200_000)
  })

  it('follows what happens without taking focus, scroll, or what is open', async () => {
    let rows = manyRows(120)
    const pages = worldPages({ world: () => ({ rows }), token: TOKEN })
    const server = await startHttpServer({ ...pages, host: '127.0.0.1', port: 0 })
    servers.push(server)
    const { page, complaints } = await tab(look)
    await page.goto(server.url)
    await page.getByText('Live.').waitFor()
    await page.evaluate('scrollTo(0, 1500)')
    const topOf = async (): Promise<number> =>
      (await page.getByRole('link', { name: 'target-0030' }).boundingBox())?.y ?? Number.NaN
    const before = await topOf()
    rows = rows.map((one) =>
      one.name === 'target-0029'
        ? { ...one, last: lastRun({ outcome: 'failed', summary: 'it failed meanwhile' }) }
        : one,
    )
    pages.live.touch()
    await page.getByText('it failed meanwhile').first().waitFor()
    // A browser rounds what is scrolled to whole pixels.
    expect(Math.abs((await topOf()) - before)).toBeLessThanOrEqual(1)
    // Whoever is in the list keeps it as it is, until they leave.
    await page.getByRole('link', { name: 'target-0031' }).focus()
    rows = rows.map((one) => (one.name === 'target-0028' ? { ...one, isRunning: true } : one))
    pages.live.touch()
    await page.locator('.counts').getByText('running').locator('..').getByText('2').waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toBe('target-0031')
    await page.getByRole('searchbox').focus()
    await page.locator('tr', { hasText: 'target-0028' }).getByText('runs now').waitFor()
    expect(await page.evaluate('document.activeElement.name')).toBe('q')
    expect(complaints).toEqual([])
  })

  it('can be used by the keyboard alone, without a script, from the log-in to a hold', async () => {
    const pages = worldPages({ world: () => ({ rows: manyRows(3), holds: [hold()] }), token: TOKEN })
    const server = await startHttpServer({ ...pages, host: '127.0.0.1', port: 0 })
    servers.push(server)
    const { page } = await tab(look, false)
    await page.goto(`${server.url}/targets/dns-records`)
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').textContent()).toBe('To the content')
    const go = async (name: string): Promise<void> => {
      for (let at = 0; at < 60; at += 1) {
        const focused = await page.evaluate<readonly string[]>(
          '[document.activeElement].filter((one) => one !== document.body).flatMap((one) => [one.name ?? "", one.textContent])',
        )
        if (focused.some((text) => text === name || text.startsWith(`${name} `))) return
        await page.keyboard.press('Tab')
      }
      throw new Error(`the keyboard does not come to ${name}`)
    }
    await go('Log in')
    await page.keyboard.press('Enter')
    await page.getByLabel('Token').waitFor()
    await picture(page, 'login')
    await go('name')
    await page.keyboard.type('jane')
    await go('token')
    await page.keyboard.type(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Do something' }).waitFor()
    await picture(page, 'acts')
    // What looks at the page is a script itself.
    const second = await tab(look)
    await second.page.goto(`${server.url}/login`)
    expect(await accessibilityFaults(second.page)).toEqual([])
    await second.page.context().addCookies(await page.context().cookies())
    await second.page.goto(`${server.url}/targets/dns-records`)
    await second.page.getByRole('heading', { name: 'Do something' }).waitFor()
    expect(await accessibilityFaults(second.page)).toEqual([])
    await go('reason')
    await page.keyboard.type('the release is cut')
    await page.keyboard.press('Enter')
    await page.getByText('It is held.').waitFor()
    await go('Run now')
    // The focus is seen.
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Run dns-records now?' }).waitFor()
    await picture(page, 'confirm')
    await go('Run it now')
    await page.keyboard.press('Enter')
    await page.getByText('It is due now').waitFor()
    expect(pages.done).toEqual([
      ['hold', { target: 'dns-records', reason: 'the release is cut', forMs: 7_200_000, by: 'jane' }],
      ['run', 'dns-records', 'jane'],
    ])
  })
})
