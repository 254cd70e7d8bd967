/** Every attack, briefly: what the server answers and that it lives on. How fast anything is, `npm run attack` looks at. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createAnswers, serverErrors } from './attack/answers.ts'
import { allAttacks, sourcesOf } from './attack/attacks.ts'
import { createFuzzCase } from './attack/fuzz-case.ts'
import { bars, findMissedBars, type Measured } from './attack/phase.ts'
import { insertFigures } from './attack/report.ts'
import type { Usage } from './attack/subject.ts'
import { serving, world } from './server/serving.ts'
import { dependency } from './support/dependency.ts'

describe('every attack', () => {
  test.each(Object.entries(allAttacks))('%s leaves the server well', async (name, { run }) => {
    const w = world()
    for (let i = 0; i < 50; i++) w.store.put(dependency({ name: `d${i}` }))
    await using server = await serving(w.monitor)
    const answers = createAnswers()
    const order = { port: server.port, durationMs: 300, from: sourcesOf(name), answers }
    expect(await run({ ...order, requests: 2_000, seed: 7 })).toBeGreaterThan(0)
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200)
    expect({ ...answers.seen(), errors: serverErrors(answers.seen()) }).toMatchObject({
      errors: 0,
      leaks: [],
    })
    expect(w.warnings).toEqual([])
  })

  test('comes from addresses of its own', () => {
    const all = Object.keys(allAttacks).flatMap(sourcesOf)
    expect(new Set(all).size).toBe(all.length)
    expect(all.every(address => /^127\.(\d{1,3}\.){2}\d{1,3}$/.test(address))).toBe(true)
  })
})

describe('a fuzz', () => {
  test('is repeated by its seed, and another with another', () => {
    const first = Array.from({ length: 20 }, (_, i) => createFuzzCase(1, i))
    expect(Array.from({ length: 20 }, (_, i) => createFuzzCase(1, i))).toEqual(first)
    expect(Array.from({ length: 20 }, (_, i) => createFuzzCase(2, i))).not.toEqual(first)
  })
})

describe('the bars', () => {
  const latencies = { p50: 1, p99: 1, max: 1, answered: 1, failed: 0, ownLateP99: 0 }
  const usage: Usage = { rssMiB: 100, groupMiB: 90, descriptors: 30, cpuSeconds: 1, waitSeconds: 0 }
  const well: Measured = {
    name: 'x',
    sent: 1,
    statuses: {},
    serverErrors: 0,
    leaks: [],
    alive: true,
    faults: [],
    healthz: latencies,
    readyz: latencies,
    honest: { scrapes: 1, scrapesFailed: 0, scrapeP99: 1, pages: 1, pagesFailed: 0, silences: 0 },
    counted: { checks: 1, failed: 0, skipped: 0 },
    peak: usage,
    after: usage,
    cpuShare: 0,
    waitShare: 0,
  }

  test.each<readonly [string, Partial<Measured>]>([
    ['ended', { alive: false }],
    ['probes failed', { readyz: { ...latencies, failed: 1 } }],
    ['/healthz p99', { healthz: { ...latencies, p99: bars.healthzP99Ms } }],
    ['dependencies failed', { counted: { checks: 1, failed: 1, skipped: 0 } }],
    ['skipped', { counted: { checks: 1, failed: 0, skipped: 1 } }],
    ['scrapes failed', { honest: { ...well.honest, scrapesFailed: 1 } }],
    ['5xx', { serverErrors: 1 }],
    ['reveals', { leaks: ['at x'] }],
    ['faults', { faults: ['level=error'] }],
    ['memory', { after: { ...usage, rssMiB: usage.rssMiB + bars.moreMiB + 1 } }],
    ['descriptors', { after: { ...usage, descriptors: usage.descriptors + bars.moreDescriptors + 1 } }],
  ])('%s', (what, differs) => {
    expect(findMissedBars(well, usage)).toEqual([])
    const found = findMissedBars({ ...well, ...differs }, usage)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(what)
  })
})

test('the document has a place for the figures', () => {
  const text = readFileSync(join(import.meta.dirname, '../docs/security.md'), 'utf8')
  expect(insertFigures(text, '| figures of $1 |')).toContain('\n\n| figures of $1 |\n\n<!-- end -->')
})
