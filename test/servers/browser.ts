// A headless Chromium on one server, for the suites of pages. With TRUEUP_SCREENSHOTS=<folder> what a test shows is kept there as pictures.
import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'

export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['TRUEUP_TEST_CHROMIUM']
  if (executablePath === undefined)
    throw new Error('TRUEUP_TEST_CHROMIUM is not set: run this by test/servers/chromium.sh')
  return await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

export interface Look {
  readonly theme: 'light' | 'dark'
  readonly width: 400 | 1280
}

export const LOOKS: readonly Look[] = [
  { theme: 'light', width: 1280 },
  { theme: 'dark', width: 1280 },
  { theme: 'light', width: 400 },
  { theme: 'dark', width: 400 },
]

interface Found {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
  }[]
}

/** What axe finds against WCAG 2.1 AA, in words. The page needs no script of its own for it. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(axe)
  const found = await page.evaluate<Found>(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })`,
  )
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`))
}

export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['TRUEUP_SCREENSHOTS']
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
