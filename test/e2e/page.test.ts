/** What a person sees of the status page, in a real Chromium, while a real Redis goes and comes back. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { stringify } from 'yaml'
import { startBrowser, type Visit, visit } from '../support/browser.ts'
import { faintTexts } from '../support/contrast.js'
import { serveHttp } from '../support/http.ts'
import { serve, until } from '../support/net.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { type Program, startProgram } from '../support/program.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'

const docs = join(import.meta.dirname, '../../docs')
/** The pictures in the documents are made only when they are asked for, so that a test run leaves the tree clean. */
const withPictures = process.env.UPDATE_SCREENSHOTS === '1'

let browser: Browser
let redis: RedisServer
let postgres: PostgresServer
let payments: Awaited<ReturnType<typeof serveHttp>>
let program: Program

beforeAll(async () => {
  ;[browser, redis, postgres, payments] = await Promise.all([
    startBrowser(),
    startRedis(),
    startPostgres(),
    serveHttp((_request, response) => response.end('{"status":"ok"}')),
  ])
  program = await startProgram({
    config: {
      // A picture shows a past.
      defaults: {
        interval: withPictures ? '500ms' : '1s',
        timeout: '500ms',
        confirmInterval: '200ms',
      },
      dependencies: {
        'orders-db': { kind: 'postgres', url: postgres.url, labels: { team: 'orders' } },
        payments: { kind: 'http', url: `http://127.0.0.1:${payments.port}/health` },
        cache: { kind: 'redis', url: redis.url, labels: { team: 'platform' } },
        'payments-port': { kind: 'tcp', host: '127.0.0.1', port: payments.port, critical: false },
      },
    },
  })
  await until(async () => (await program.get('/readyz')).status === 200, 'all is well')
})
afterAll(async () => {
  await program.remove()
  await Promise.all([browser.close(), redis.remove(), postgres.stop(), payments.stop()])
})

/** The texts of the rows that are to be seen, in order. */
function rows(page: Page): Promise<readonly string[]> {
  return page.locator('tbody:visible').allInnerTexts()
}

async function open(path = '/', options: Parameters<typeof visit>[2] = {}): Promise<Visit> {
  const visited = await visit(browser, program.url + path, options)
  onTestFinished(visited.close)
  return visited
}

async function saysFirst(page: Page, text: string | RegExp): Promise<void> {
  const headline = page.getByRole('heading', { level: 1 })
  await expect.poll(() => headline.innerText(), { timeout: 10_000 }).toMatch(text)
}

describe('Redis is stopped and started again', () => {
  const timeout = withPictures ? 90_000 : 20_000
  test('the sentence, the order of the rows and their words follow, in place', { timeout }, async () => {
    const { page, complaints } = await open()
    await saysFirst(page, 'OK: all 4 dependencies are up')
    await expect.poll(() => page.locator('#live').innerText()).toBe('live')
    expect((await rows(page))[0]).toMatch(/^up\s+orders-db/)
    const before = await page.locator('[data-name=cache]').elementHandle()

    if (withPictures) await page.waitForTimeout(35_000)
    await redis.stop()
    await saysFirst(page, 'Unavailable: 1 of 3 critical dependencies is down')
    await expect.poll(() => page.locator('#since').innerText()).toMatch(/^since \d\d:\d\d:\d\d \(\d+ s\)$/)
    expect((await rows(page))[0]).toMatch(
      /^down\s+cache critical\s+redis 127.0.0.1:\d+\S* team=platform[\s\S]*connection_error ECONNREFUSED/,
    )
    expect(await page.title()).toContain('Unavailable')
    await page.getByRole('link', { name: 'cache' }).click()
    const failures = page.locator('.failures li:visible')
    await expect.poll(() => failures.count(), { timeout: 10_000 }).toBeGreaterThan(withPictures ? 8 : 1)
    expect(await failures.first().innerText()).toContain('ECONNREFUSED')
    expect(page.url()).toBe(`${program.url}/?open=cache`)
    const remedy = page.locator('[data-name=cache] [data-f=remedy]')
    expect(await remedy.innerText()).toBe('Start the server; check host and port.')
    if (withPictures) await takePictures()

    await redis.start()
    await saysFirst(page, 'OK: all 4 dependencies are up')
    const cache = page.locator('[data-name=cache]')
    expect(await cache.getAttribute('data-status')).toBe('up')
    expect(await cache.locator('path.bad').getAttribute('d')).toMatch(/^M/)
    expect(await failures.first().innerText()).toContain('ECONNREFUSED')
    expect(await remedy.isVisible()).toBe(false)
    expect(await before?.evaluate(row => row.isConnected)).toBe(true)
    expect(complaints).toEqual([])
  })

  async function takePictures(): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, close } = await visit(browser, `${program.url}/?open=cache`, {
        colorScheme,
        viewport: { width: 1280, height: 640 },
        deviceScaleFactor: 2,
      })
      await expect.poll(() => page.locator('#live').innerText()).toBe('live')
      await page.locator('#host').evaluate(host => {
        host.textContent = 'localhost:9797'
      })
      await page.screenshot({ path: join(docs, `status-page${colorScheme === 'dark' ? '-dark' : ''}.png`) })
      await close()
    }
  }
})

describe('finding one among many', () => {
  test('by keyboard alone: search, open, close; the address keeps it', async () => {
    const { page, complaints } = await open()
    await expect.poll(() => page.locator('#live').innerText()).toBe('live')
    await page.keyboard.press('/')
    await page.keyboard.type('redis platform')
    await expect.poll(() => rows(page)).toHaveLength(1)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await expect.poll(async () => (await rows(page))[0]).toMatch(/Details/i)
    expect(new URL(page.url()).search).toBe('?q=redis+platform&open=cache')
    const expanded = () => page.locator(':focus').getAttribute('aria-expanded')
    expect(await expanded()).toBe('true')
    await page.keyboard.press('Enter')
    expect(await expanded()).toBe('false')

    await page.reload()
    await expect.poll(() => rows(page)).toHaveLength(1)
    await page.keyboard.press('/')
    await page.keyboard.press('Escape')
    await expect.poll(() => rows(page)).toHaveLength(4)
    expect(new URL(page.url()).search).toBe('')
    expect(complaints).toEqual([])
  })

  test('by status, and nothing is said plainly', async () => {
    const { page, complaints } = await open()
    await expect.poll(() => page.locator('#live').innerText()).toBe('live')
    const filter = page.getByRole('link', { name: 'unknown 0' })
    await filter.click()
    await expect.poll(() => page.getByText('No dependency matches.').isVisible()).toBe(true)
    expect(await filter.getAttribute('aria-current')).toBe('true')
    expect(new URL(page.url()).search).toBe('?status=unknown')
    expect(complaints).toEqual([])
  })
})

test('without JavaScript: a plain table, whose links filter and open', async () => {
  const { page } = await open('/', { javaScriptEnabled: false })
  expect(await page.locator('h1').innerText()).toBe('OK: all 4 dependencies are up')
  expect(await page.getByRole('row').count()).toBe(5)
  expect(await page.getByRole('searchbox').count()).toBe(0)
  await page.getByRole('link', { name: /^cache$/ }).click()
  expect(await page.locator('.detail').innerText()).toMatch(/Last check[\s\S]*Phases of the last check/)
  await page.getByRole('link', { name: 'down 0' }).click()
  expect(await rows(page)).toEqual([])
})

test('dependencies that come and go with a new configuration', async () => {
  const tcp = { kind: 'tcp', host: '127.0.0.1', port: payments.port }
  const other = await startProgram({ config: { dependencies: { first: tcp, second: tcp } } })
  const { page, complaints, close } = await visit(browser, other.url)
  onTestFinished(async () => {
    await close()
    await other.remove()
  })
  await saysFirst(page, 'OK: all 2 dependencies are up')
  writeFileSync(other.configFile, stringify({ dependencies: { second: tcp, third: tcp } }))
  other.child.kill('SIGHUP')
  await expect
    .poll(async () => (await rows(page)).join(), { timeout: 10_000 })
    .toMatch(/up\s+second[\s\S]*up\s+third/)
  expect((await rows(page)).join()).not.toContain('first')
  await page.getByRole('link', { name: 'third' }).click()
  await expect.poll(() => page.locator('.detail').innerText()).toContain('Last check')
  expect(complaints).toEqual([])
})

test('what comes from a dependency shows as text', async () => {
  const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
  const liar = await serve(socket => socket.on('data', () => socket.end(`-ERR ${hostile}\r\n`)))
  const other = await startProgram({
    config: {
      defaults: { interval: '1s', timeout: '500ms' },
      dependencies: { liar: { kind: 'redis', url: `redis://127.0.0.1:${liar.port}`, labels: { hostile } } },
    },
  })
  onTestFinished(async () => {
    await other.remove()
    await liar.close()
  })
  const { page, complaints, close } = await visit(browser, `${other.url}/?open=liar`)
  onTestFinished(close)
  await saysFirst(page, 'Unavailable: 1 of 1 critical dependency is down')
  await expect.poll(() => page.locator('#live').innerText()).toBe('live')
  expect((await rows(page))[0]).toContain(`hostile=${hostile}`)
  expect(await page.locator('td.why').first().innerText()).toContain('<script>document.title=2</script>')
  expect(await page.locator('img, table script').count()).toBe(0)
  expect(await page.title()).toMatch(/^Unavailable/)
  expect(complaints).toEqual([])
})

test.each(['light', 'dark'] as const)(
  '%s: every text stands out from its ground (WCAG AA)',
  async colorScheme => {
    const { page } = await open('/?open=cache', { colorScheme })
    await expect.poll(() => page.locator('#live').innerText()).toBe('live')
    for (const status of ['up', 'down', 'unknown']) {
      await page
        .locator('[data-name=cache]')
        .evaluate((row, status) => row.setAttribute('data-status', status), status)
      expect(await page.evaluate(faintTexts)).toEqual([])
    }
  },
)

describe('a server that stops answering', () => {
  const start = async () => {
    const other = await startProgram({
      config: { dependencies: { payments: `http://127.0.0.1:${payments.port}/health` } },
    })
    const { page, close } = await visit(browser, 'about:blank')
    onTestFinished(async () => {
      await close()
      await other.remove()
    })
    await until(async () => (await other.get('/readyz')).status === 200, 'it is ready')
    return { other, page }
  }
  /** What is seen of the page, wherever somebody looks. */
  const seen = async (page: Page) => ({
    headline: await page.locator('h1').innerText(),
    title: await page.title(),
    icon: await page.locator('link[rel=icon]').getAttribute('href'),
    tone: await page.locator('header').getAttribute('data-status'),
    filter: await page.evaluate('getComputedStyle(document.querySelector("#dependencies")).filter'),
  })
  const noAnswer = {
    headline: expect.stringMatching(/^No answer since \d\d:\d\d:\d\d$/),
    title: expect.stringMatching(/^No answer since \d\d:\d\d:\d\d · /),
    icon: './-/page/silent.svg',
    tone: 'silent',
    filter: 'grayscale(1)',
  }
  const allIsWell = {
    headline: 'OK: the only dependency is up',
    title: expect.stringMatching(/^OK: the only dependency is up · /),
    icon: './-/page/ok.svg',
    tone: 'ok',
    filter: 'none',
  }

  test('is told by headline, title, icon and rows, until it answers again', async () => {
    const { other, page } = await start()
    await page.goto(other.url)
    await saysFirst(page, 'OK: the only dependency is up')
    await expect.poll(() => page.locator('#live').innerText()).toBe('live')
    other.child.kill('SIGSTOP')
    await expect.poll(() => seen(page), { timeout: 10_000, interval: 50 }).toEqual(noAnswer)
    expect(await page.locator('#since').innerText()).toMatch(/^for \d+ s$/)
    expect(await page.locator('#answer').innerText()).toBe(
      'The last answer was “OK: the only dependency is up”',
    )
    expect(await page.evaluate(faintTexts)).toEqual([])
    other.child.kill('SIGCONT')
    await expect.poll(() => seen(page), { timeout: 10_000 }).toEqual(allIsWell)
    await expect.poll(() => page.locator('#live').innerText(), { timeout: 10_000 }).toBe('live')
  })

  test('is told within 5 s, also where events do not come through', async () => {
    const { other, page } = await start()
    await page.clock.install()
    await page.route('**/-/events*', route => route.abort())
    await page.goto(other.url)
    await page.clock.fastForward(4_000)
    await expect.poll(() => page.locator('#live').innerText()).toBe('asking every 3 s')
    expect(await seen(page)).toEqual(allIsWell)
    await page.clock.fastForward(3_500)
    await expect.poll(() => page.locator('#live').innerText()).toBe('asking every 3 s')
    other.child.kill('SIGKILL')
    await other.ended
    await page.clock.fastForward(4_500)
    await expect.poll(() => seen(page)).toEqual(noAnswer)
  })

  test('cannot be told from a tab that nobody looks at, which claims nothing', async () => {
    const { other, page } = await start()
    await page.goto(other.url)
    await expect.poll(() => page.locator('#live').innerText()).toBe('live')
    const hide = (value: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${value}, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))`,
      )
    await hide(true)
    expect(await seen(page)).toMatchObject({
      title: expect.stringMatching(/^Paused · /),
      icon: noAnswer.icon,
    })
    await hide(false)
    await expect.poll(() => seen(page), { timeout: 10_000 }).toEqual(allIsWell)
  })

  test('before it has sent any news is told as well', async () => {
    const { other, page } = await start()
    await page.clock.install()
    await page.route(/events|health/, route => route.abort())
    await page.goto(other.url)
    expect(await seen(page)).toEqual(allIsWell)
    await page.clock.fastForward(4_500)
    await expect.poll(() => seen(page)).toEqual(noAnswer)
  })
})
