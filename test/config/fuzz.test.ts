// biome-ignore-all lint/suspicious/noTemplateCurlyInString: some texts hold references, not templates.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Config, type Loaded, loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { kinds } from './kinds.ts'
import { directoryOf } from './loading.ts'

const canary = 'hunter22-canary'

/** The invariants of a config, whatever it was read from. */
function sound({ dependencies, server, histogram, maxConcurrentChecks }: Config): boolean {
  const names = new Set(dependencies.map(({ dependency: { name } }) => name.toLowerCase()))
  const positive = (n: number) => Number.isInteger(n) && n > 0
  return (
    names.size === dependencies.length &&
    positive(maxConcurrentChecks) &&
    positive(server.maxSeries) &&
    server.listen.length > 0 &&
    histogram.buckets.every((bound, i, all) => bound > (all[i - 1] ?? 0)) &&
    dependencies.every(
      ({ dependency: { name, intervalMs, timeoutMs, staleAfterMs, failureThreshold } }) =>
        /^[\w.-]{1,64}$/.test(name) &&
        [intervalMs, timeoutMs, staleAfterMs, failureThreshold].every(positive) &&
        timeoutMs <= intervalMs,
    )
  )
}

/** What is wrong with the way in which a text was taken or refused, if anything. */
function judge(loaded: Loaded, text: string): string | undefined {
  if (loaded.ok) return sound(loaded.config) ? undefined : 'an unsound config'
  const lines = text.split(/\r\n|\n/)
  if (loaded.problems.length === 0) return 'refused without a problem'
  if (loaded.problems.length > 101) return 'a flood of problems'
  const lost = loaded.problems.find(({ line, column }) => (lines[line - 1]?.length ?? -1) + 1 < column)
  if (lost !== undefined) return `no such place: ${formatProblem(lost)}`
  const leak = loaded.problems.map(formatProblem).find(line => line.includes(canary))
  return leak && `a leak: ${leak}`
}

async function loader(): Promise<(text: string) => Promise<string | undefined>> {
  const file = join(await directoryOf({}), 'pulsecheck.yml')
  return async text => {
    await writeFile(file, text)
    const began = performance.now()
    const verdict = judge(await loadConfig({ file, env: { TOKEN: canary }, kinds }), text)
    return verdict ?? (performance.now() - began > 5_000 ? 'a hang' : undefined)
  }
}

const sections = `defaults: { interval: 10s, timeout: 2s, labels: { env: prod } }
server: { listen: [":9797"], allow: [10.0.0.0/8], details: never }
histogram: { buckets: [0.1, 1, 10] }
`
const some = `dependencies:
  db: postgres://app:${canary}@db/orders
  web:
    kind: http
    url: "https://app:${canary}@web/health?token=${canary}"
    headers: { Authorization: "Bearer ${canary}" }
    interval: 30s
    expect: { status: [200, 300-399], json: { "a.b": [1, true, null] } }
  cache: { kind: redis, host: cache, password: "${canary}", tls: &tls { verify: false } }
  queue: { kind: tcp, host: queue, port: 5672, tls: *tls, labels: { team: "it's" } }
  token:
    kind: postgres
    host: db
    password: \${TOKEN}
    query: |
      SELECT 1
`

test('every truncation of a file of 50 dependencies is refused or makes a sound config', async () => {
  const more = Array.from({ length: 45 }, (_, i) => `  n${i}: tcp://h${i}:${1_000 + i}\n`).join('')
  const text = sections + some + more
  const load = await loader()
  const whole = await load(text)
  expect(whole).toBeUndefined()
  const faults: unknown[] = []
  for (let end = 0; end < text.length; end++) {
    const fault = await load(text.slice(0, end))
    if (fault !== undefined) faults.push([end, fault])
  }
  expect(faults).toEqual([])
}, 120_000)

const splices = [
  '[',
  ']',
  '{',
  '}',
  ':',
  ': ',
  '- ',
  '\n',
  '\n  ',
  '\t',
  '"',
  "'",
  '#',
  ' #',
  '&a ',
  '*a',
  '*tls',
  '!',
  '!!str ',
  '|',
  '>',
  '%',
  '@',
  '`',
  ',',
  '? ',
  '---\n',
  '...\n',
  '<<: ',
  '\r',
  '\u0000',
  '\ufeff',
  '\ud800',
  '\u2028',
  '$',
  '${',
  '${TOKEN}',
  '$$',
  '__proto__: ',
  '0',
  '-1',
  '1e999',
  '.nan',
  '~',
  'null',
  'true',
  '/',
  '@:',
  '\\',
]

/** A generator of numbers below a bound: mulberry32, so that a failure can be seen again. */
function randomly(seed: number): (bound: number) => number {
  let state = seed
  return bound => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

function mutate(text: string, below: (bound: number) => number): string {
  const at = below(text.length)
  const length = below(12)
  const change = below(4)
  if (change === 0) return text.slice(0, at) + text.slice(at + length)
  if (change === 1) return text.slice(0, at) + text.slice(at, at + length).repeat(2) + text.slice(at + length)
  const splice =
    change === 2 ? splices[below(splices.length)] : text.slice(below(text.length)).slice(0, length)
  return text.slice(0, at) + splice + text.slice(at)
}

test('3,000 mutants are refused or make a sound config', async () => {
  const below = randomly(20_260)
  const load = await loader()
  const faults: unknown[] = []
  let accepted = 0
  for (let n = 0; n < 3_000; n++) {
    let text = sections + some
    for (let changes = 1 + below(3); changes > 0; changes--) text = mutate(text, below)
    const fault = await load(text).catch(error => String(error.stack))
    if (fault !== undefined) faults.push([fault, text])
    else accepted += 1
  }
  expect(faults).toEqual([])
  expect(accepted).toBe(3_000)
}, 120_000)

const oneLine = (count: number) =>
  JSON.stringify({
    dependencies: Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `d${i}`,
        { kind: 'postgres', host: 'db', password: canary, labels: { a: 'b, [c] {d}' } },
      ]),
    ),
  })

test('every truncation of one line of JSON is refused or makes a sound config', async () => {
  const text = oneLine(12)
  const load = await loader()
  const faults: unknown[] = []
  for (let end = 0; end <= text.length; end++) {
    const fault = await load(text.slice(0, end))
    if (fault !== undefined) faults.push([end, fault])
  }
  expect(faults).toEqual([])
}, 120_000)

test('a flood holds nothing up, and makes few problems', async () => {
  const long = oneLine(9_000)
  const cut = [64, 128, 512].map(kilobytes => long.slice(0, kilobytes * 1_024))
  const floods = [':', '? ', '- ', '[', '{', 'a:', '"', '&a', '*a', '!a', '${', '{a: [', 'a: b: c'].flatMap(
    sign => ['\n', ' '].map(separator => (sign + separator).repeat(200_000 / (sign.length + 1))),
  )
  const load = await loader()
  for (const text of [...cut, ...floods])
    expect([text.slice(0, 20), await load(text)]).toEqual([text.slice(0, 20), undefined])
}, 300_000)
