/** Those who must not notice an attack: a Prometheus that scrapes every second, and somebody who looks at the page. */
import { Agent, get, type RequestOptions } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { readOrder } from '../../bench/support/child.ts'
import { percentile } from '../../bench/support/statistics.ts'
import { raisePriority } from './priority.ts'

export interface HonestOrder {
  readonly port: number
  /** `user:password`. Default: none. */
  readonly auth?: string
}

/** What happened since the message before. */
export interface HonestReport {
  readonly scrapes: number
  /** Not 200, not whole, or not begun since the one before still was under way. With the cause of the last one. */
  readonly scrapesFailed: number
  readonly scrapeP99: number
  readonly pages: number
  readonly pagesFailed: number
  /** Times that the page heard nothing for longer than it waits before it says so. */
  readonly silences: number
  readonly lastFailure?: string
}

const scraper = '127.0.0.10'
const visitor = '127.0.0.11'
/** Prometheus' default. */
const scrapeTimeoutMs = 10_000
const pageEveryMs = 5_000
/** The page takes silence for trouble after some three beats. */
const silenceMs = 6_000

const { port, auth } = readOrder<HonestOrder>()
raisePriority()
const none = { scrapes: 0, scrapesFailed: 0, pages: 0, pagesFailed: 0, silences: 0 }
let counts = { ...none }
let latencies: number[] = []
let lastFailure: string | undefined

process.on('message', () => {
  const report = { ...counts, scrapeP99: percentile(latencies, 0.99) }
  process.send?.({ ...report, ...(lastFailure !== undefined && { lastFailure }) } satisfies HonestReport)
  counts = { ...none }
  latencies = []
  lastFailure = undefined
})
process.send?.({})
void scrapeForEver()
void lookForEver()
void followForEver()

/** The whole text of an answer that is a 200. */
async function read(options: RequestOptions): Promise<string> {
  const headers = {
    'accept-encoding': 'gzip',
    accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1',
  }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const request = get(
    { host: '127.0.0.1', port, headers, ...(auth !== undefined && { auth }), ...options },
    async response => {
      try {
        const body = await buffer(response)
        if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
        resolve(String(response.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body))
      } catch (error) {
        reject(error)
      }
    },
  )
  request.on('error', reject)
  const limit = setTimeout(() => request.destroy(new Error('no answer in time')), scrapeTimeoutMs)
  return promise.finally(() => clearTimeout(limit))
}

/** Milliseconds from when it was due. A scrape that is due while another is under way is lost. */
async function scrapeForEver(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let due = performance.now(); ; due += 1_000) {
    await sleep(Math.max(0, due - performance.now()))
    try {
      const text = await read({ path: '/metrics', localAddress: scraper, agent })
      if (!text.endsWith('# EOF\n')) throw new Error('a scrape without its end')
      counts.scrapes++
    } catch (error) {
      counts.scrapesFailed++
      lastFailure = `scrape: ${(error as Error).message}`
    }
    latencies.push(performance.now() - due)
    for (; due + 1_000 < performance.now(); due += 1_000) counts.scrapesFailed++
  }
}

async function lookForEver(): Promise<void> {
  for (;;) {
    try {
      const text = await read({ path: '/', localAddress: visitor, agent: false })
      if (!text.includes('</html>')) throw new Error('a page without its end')
      counts.pages++
    } catch (error) {
      counts.pagesFailed++
      lastFailure = `page: ${(error as Error).message}`
    }
    await sleep(pageEveryMs)
  }
}

/** As an EventSource does: comes back half a second after the end of a stream. */
async function followForEver(): Promise<void> {
  let heardAt = performance.now()
  setInterval(() => {
    if (performance.now() - heardAt < silenceMs) return
    counts.silences++
    heardAt = performance.now()
  }, 500)
  for (;;) {
    await new Promise<void>(resolve => {
      const options = { host: '127.0.0.1', port, path: '/-/events', localAddress: visitor, agent: false }
      const request = get({ ...options, ...(auth !== undefined && { auth }) }, response =>
        response.on('data', () => {
          heardAt = performance.now()
        }),
      )
      request.on('error', () => {}).once('close', resolve)
    })
    await sleep(500)
  }
}
