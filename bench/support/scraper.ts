/** A scraper: the headers that ask for each format, one scrape, and one a second. */
import { once } from 'node:events'
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export type Headers = Readonly<Record<string, string>>

export const accepts = {
  text: 'text/plain',
  OpenMetrics: 'application/openmetrics-text;version=1.0.0',
  protobuf: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
} as const

export const gzip: Headers = { 'accept-encoding': 'gzip' }

/** Reads an answer wholly on a connection of its own; returns its bytes as they came. Rejects if it is not a 200. */
export async function read(port: number, path: string, headers: Headers): Promise<number> {
  const [response] = await once(get({ host: '127.0.0.1', port, path, headers, agent: false }), 'response')
  let bytes = 0
  for await (const chunk of response) bytes += chunk.length
  if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}`)
  return bytes
}

export interface Scrape {
  readonly tookMs: number
  readonly bytes: number
}

export async function scrape(port: number, headers: Headers): Promise<Scrape> {
  const started = performance.now()
  const bytes = await read(port, '/metrics', headers)
  return { bytes, tookMs: performance.now() - started }
}

/** Begins a scrape every second, none while another is under way, as one Prometheus does. */
export async function scrapeEverySecond(port: number, headers: Headers, ms: number): Promise<Scrape[]> {
  const scrapes: Scrape[] = []
  const started = performance.now()
  for (let next = started; next < started + ms; ) {
    await sleep(Math.max(0, next - performance.now()))
    scrapes.push(await scrape(port, headers))
    while (next <= performance.now()) next += 1_000
  }
  return scrapes
}
