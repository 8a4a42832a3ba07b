// The pages of serve in headless Chromium: both themes, narrow and wide, few and many targets; what axe finds, what hostile texts do, how they feel.
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startHttpServer, type HttpServer } from '../../src/schedule/http/server.js'
import { doubt, hold, manyRows, sampleRuns, worldPages, type World } from '../support/page-world.js'
import { accessibilityFaults, LOOKS, openBrowser, picture, type Look } from './browser.js'

const TOKEN = 'a token of this test'

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
