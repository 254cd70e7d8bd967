/**
 * A real Chromium, and what it complains of. Needs `chromium` on this machine (Debian, Ubuntu: `apt-get install chromium`);
 * CHROMIUM names another executable.
 */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

export interface Visit {
  readonly page: Page
  /** Errors on the console, uncaught exceptions and violations of the page's policy. */
  readonly complaints: readonly string[]
  close(): Promise<void>
}

/** A page of its own profile, opened at a URL. */
export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  await page.goto(url)
  return { page, complaints, close: () => context.close() }
}
