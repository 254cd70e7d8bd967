/** A phase of a run: attacks next to honest clients, what was measured, and which bars it misses. */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { receive, startChild } from '../../bench/support/child.ts'
import type { Latencies, Load } from '../../bench/support/constant-load.ts'
import { serverErrors } from './answers.ts'
import type { AttackOrder, AttackReport } from './attacker.ts'
import type { HonestReport } from './honest.ts'
import type { Counters, Subject, Usage } from './subject.ts'

export interface Phase {
  readonly name: string
  /** One process each, all at once. None: a baseline. */
  readonly attacks: readonly Omit<AttackOrder, 'port'>[]
  readonly durationMs: number
  /** Probes come to an address of their own, which the attackers do not know. Default: to the one that is attacked. */
  readonly apart?: boolean
}

export interface Measured {
  readonly name: string
  readonly sent: number
  /** How many attackers' answers had each status. */
  readonly statuses: Readonly<Record<string, number>>
  readonly serverErrors: number
  readonly leaks: readonly string[]
  readonly alive: boolean
  readonly faults: readonly string[]
  readonly healthz: Latencies
  readonly readyz: Latencies
  readonly honest: HonestReport
  readonly counted: Counters
  /** The highest that was seen of each. */
  readonly peak: Usage
  /** Of the program while it was attacked; 1 is one core. */
  readonly cpuShare: number
  /** Likewise, the part of the time for which it waited for a core: what others on the machine cost it. */
  readonly waitShare: number
  /** After the pause. */
  readonly after: Usage
}

export interface Bench {
  readonly subject: Subject
  /** `constant-load.ts` */
  readonly load: ChildProcess
  /** `honest.ts` */
  readonly honest: ChildProcess
  /** Memory and descriptors that a phase has to come back to. */
  readonly reference: Usage
  /** For memory and descriptors to come back; the server cuts the last of its clients after at most 8 s of silence. */
  readonly settleMs: number
}

/** Requests a second of the probes. */
const rates = { healthz: 100, readyz: 50 }
const prober = '127.0.0.12'
const sampleMs = 200
export const bars = {
  healthzP99Ms: 50,
  /** Above the reference: V8 keeps some room that it once had, and answers under way hold theirs. */
  moreMiB: 32,
  moreDescriptors: 32,
} as const

export async function runPhase(phase: Phase, bench: Bench): Promise<Measured> {
  const { name, attacks, durationMs, apart = false } = phase
  const { subject, load, honest } = bench
  const { port, probesPort } = subject
  const probed = apart ? probesPort : port
  const before = await subject.counters()
  await receive<HonestReport>(honest, 'begin')
  const first = subject.usage()
  const samples: Usage[] = [first]
  const startedAt = performance.now()
  const sampling = setInterval(() => samples.push(subject.usage()), sampleMs)
  const ms = durationMs + 1_000
  const loads: readonly Load[] = [
    { port: probed, path: '/healthz', rate: rates.healthz, ms, from: prober },
    { port: probed, path: '/readyz', rate: rates.readyz, ms, from: prober },
  ]
  const probes = receive<[Latencies, Latencies]>(load, loads)
  const reports = await Promise.all(attacks.map(attack => runAttack({ ...attack, port })))
  if (attacks.length === 0) await sleep(durationMs)
  load.send('stop')
  const last = subject.usage()
  const seconds = (performance.now() - startedAt) / 1_000
  const [healthz, readyz] = await probes
  const seen = await receive<HonestReport>(honest, 'end')
  clearInterval(sampling)
  const after = await waitForRelease(bench)
  const alive = subject.isAlive()
  const counted = await subject.counters().catch(() => before)
  return {
    name,
    sent: sum(reports.map(({ sent }) => sent)),
    statuses: addStatuses(reports),
    serverErrors: sum(reports.map(serverErrors)),
    leaks: reports.flatMap(({ leaks }) => leaks),
    alive,
    faults: [...subject.faults()],
    healthz,
    readyz,
    honest: seen,
    counted: subtract(counted, before),
    peak: findPeak(samples),
    cpuShare: (last.cpuSeconds - first.cpuSeconds) / seconds,
    waitShare: (last.waitSeconds - first.waitSeconds) / seconds,
    after,
  }
}

export async function runAttack(order: AttackOrder): Promise<AttackReport> {
  const child = startChild(new URL('./attacker.ts', import.meta.url).href, order)
  return receive<AttackReport>(child)
}

/** Waits until memory and descriptors are back to the reference, or until the time for that is over. Returns the last usage. */
async function waitForRelease({ subject, reference, settleMs }: Bench): Promise<Usage> {
  const end = performance.now() + settleMs
  for (;;) {
    await sleep(500)
    const usage = subject.usage()
    if (isBack(usage, reference) || !subject.isAlive() || performance.now() > end) return usage
  }
}

export function isBack(now: Usage, reference: Usage): boolean {
  // Without a cgroup, the figure is NaN and is not compared.
  return (
    now.rssMiB <= reference.rssMiB + bars.moreMiB &&
    !(now.groupMiB > reference.groupMiB + bars.moreMiB) &&
    now.descriptors <= reference.descriptors + bars.moreDescriptors
  )
}

/** Describes the bars that a phase misses. */
export function findMissedBars(measured: Measured, reference: Usage): readonly string[] {
  const { honest, counted, healthz, readyz } = measured
  const rules: readonly (readonly [boolean, string])[] = [
    [measured.alive, 'the program has ended'],
    [healthz.failed + readyz.failed === 0, `${healthz.failed + readyz.failed} probes failed`],
    [healthz.p99 < bars.healthzP99Ms, `/healthz p99 of ${healthz.p99.toFixed(1)} ms`],
    [counted.failed === 0, `${counted.failed} checks of healthy dependencies failed`],
    [counted.skipped === 0, `${counted.skipped} checks were skipped`],
    [honest.scrapesFailed === 0, `${honest.scrapesFailed} scrapes failed (${honest.lastFailure})`],
    [honest.pagesFailed === 0, `${honest.pagesFailed} pages failed (${honest.lastFailure})`],
    [honest.silences === 0, `the page heard nothing ${honest.silences} times`],
    [measured.serverErrors === 0, `${measured.serverErrors} answers of 5xx`],
    [measured.leaks.length === 0, `an answer reveals internals: ${measured.leaks[0]}`],
    [measured.faults.length === 0, `the log shows faults: ${measured.faults[0]}`],
    [isBack(measured.after, reference), 'memory or descriptors did not come back'],
  ]
  return rules.filter(([isMet]) => !isMet).map(([, what]) => what)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0)
}

function addStatuses(reports: readonly AttackReport[]): Readonly<Record<string, number>> {
  const all: Record<string, number> = {}
  for (const { statuses } of reports)
    for (const [status, count] of Object.entries(statuses)) all[status] = (all[status] ?? 0) + count
  return all
}

function subtract(now: Counters, before: Counters): Counters {
  return {
    checks: now.checks - before.checks,
    failed: now.failed - before.failed,
    skipped: now.skipped - before.skipped,
  }
}

function findPeak(samples: readonly Usage[]): Usage {
  const most = (of: (usage: Usage) => number) => Math.max(...samples.map(of))
  return {
    rssMiB: most(({ rssMiB }) => rssMiB),
    groupMiB: most(({ groupMiB }) => groupMiB),
    descriptors: most(({ descriptors }) => descriptors),
    cpuSeconds: most(({ cpuSeconds }) => cpuSeconds),
    waitSeconds: most(({ waitSeconds }) => waitSeconds),
  }
}
