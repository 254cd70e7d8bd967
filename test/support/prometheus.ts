/** A real Prometheus on a free port of the loopback, with its data in a directory of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'

/** One series of an answer to an instant query. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  /** Unix seconds and the value's text; absent where the value is a native histogram. */
  readonly value?: readonly [number, string]
  readonly histogram?: readonly [number, { readonly count: string; readonly sum: string }]
}

export interface Prometheus {
  readonly url: string
  /** The series of an instant query. Rejects if Prometheus refuses the query, or from version 3 on has a remark on it. */
  query(promql: string): Promise<readonly Series[]>
  /** The `data` of any path of its HTTP API: `/api/v1/targets`. Rejects as `query` does. */
  api(path: string): Promise<unknown>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** From Prometheus 3.8 on, native histograms are collected by a key in place of a flag. */
const features = 'native-histograms,exemplar-storage'
const collectsNative = { scrape_native_histograms: true }
const deadlineMs = 20_000

/** Starts one with the text of a `prometheus.yml`; resolves when it is ready, rejects with what it printed if it ends. */
export async function startPrometheus(config: string): Promise<Prometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'pulsecheck-prometheus-'))
  await writeFile(join(directory, 'prometheus.yml'), withNativeHistograms(config))
  const url = `http://127.0.0.1:${await freePort()}`
  const child = spawn('prometheus', [
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=${url.slice('http://'.length)}`,
    `--enable-feature=${features}`,
  ])
  const stop = async () => {
    await end(child)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await ready(child, url)
  } catch (error) {
    await stop()
    throw error
  }
  const api = async (path: string) => {
    const answer = (await (await fetch(url + path)).json()) as {
      status: string
      data: unknown
      error?: string
      warnings?: readonly string[]
      infos?: readonly string[]
    }
    if (answer.status !== 'success') throw new Error(`Prometheus refused ${path}: ${answer.error}`)
    const remarks = [...(answer.warnings ?? []), ...(answer.infos ?? [])]
    if (remarks.length > 0) throw new Error(`Prometheus remarks on ${path}: ${remarks.join('; ')}`)
    return answer.data
  }
  return {
    url,
    api,
    stop,
    async query(promql) {
      const data = await api(`/api/v1/query?query=${encodeURIComponent(promql)}`)
      return (data as { result: readonly Series[] }).result
    },
  }
}

function withNativeHistograms(config: string): string {
  const { stdout } = spawnSync('prometheus', ['--version'], { encoding: 'utf8' })
  if (!/version 3\.(?:[89]|\d\d)\./.test(stdout)) return config
  const parsed = parse(config)
  return stringify({ ...parsed, global: { ...parsed.global, ...collectsNative } })
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  let printed = ''
  child.stderr?.on('data', chunk => {
    printed += chunk
  })
  let failure: Error | undefined
  child.once('error', error => {
    failure = error
  })
  const deadline = Date.now() + deadlineMs
  while (Date.now() < deadline) {
    if (failure !== undefined) throw failure
    if (child.exitCode !== null) break
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(50)
  }
  throw new Error(`Prometheus did not become ready:\n${printed}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
