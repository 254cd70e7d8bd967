/**
 * Every attack on the real program, under a memory limit, beside honest clients: `npm run attack`.
 *
 *     node test/attack/run.ts [--quick] [--dependencies=500] [--memory=256] [--seconds=10] [--requests=1000000]
 *                             [--seed=1] [--only=text]
 *
 * Each attack for so many seconds, the fuzz until it has sent its requests, then all at once; in between, memory and
 * descriptors have to come back. Everything stays on loopback. Attackers run at a lower priority, and the program and those
 * who measure at a raised one where that is permitted, so that what is measured is the program and not the race for the processor. Ends with
 * 1 if a bar is missed. A whole run with the default parameters writes its figures into docs/security.md.
 *
 * @see phase.ts for the bars.
 */
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import bcrypt from 'bcryptjs'
import { receive, startChild } from '../../bench/support/child.ts'
import type { AttackOrder } from './attacker.ts'
import { attacks, passwordAttack } from './attacks.ts'
import { startTargets, type Targets } from './dependencies.ts'
import type { HonestOrder } from './honest.ts'
import { type Bench, findMissedBars, type Measured, type Phase, runAttack, runPhase } from './phase.ts'
import { raisePriority } from './priority.ts'
import { formatTable, publish } from './report.ts'
import { type Subject, startSubject } from './subject.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    dependencies: { type: 'string', default: '500' },
    memory: { type: 'string', default: '256' },
    seconds: { type: 'string' },
    requests: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
})
const { quick, only } = values
const dependencies = Number(values.dependencies)
const memoryMiB = Number(values.memory)
const seed = Number(values.seed)
const durationMs = Number(values.seconds ?? (quick ? 2 : 10)) * 1_000
const requests = Number(values.requests ?? (quick ? 20_000 : 1_000_000))
/** A fuzz that is slower than this ends with fewer requests. */
const fuzzMs = quick ? 10_000 : 240_000
const settleMs = quick ? 5_000 : 15_000
const intervalMs = 5_000
const auth = 'scraper:correct horse battery staple'
const isWhole = !quick && only === undefined && values.seconds === undefined && values.requests === undefined

interface Run {
  readonly subject: Subject
  readonly measured: readonly { readonly phase: Measured; readonly missed: readonly string[] }[]
}

function orderOf(name: string): Phase['attacks'][number] {
  return name === 'fuzz' ? { name, durationMs: fuzzMs, seed, requests } : { name, durationMs }
}

function phasesOf(names: readonly string[]): readonly Phase[] {
  const baseline = { name: 'none', attacks: [], durationMs }
  const chosen = names.filter(name => only === undefined || name.includes(only))
  const one = chosen.map(name => {
    const order = orderOf(name)
    return { name, attacks: [order], durationMs: order.durationMs }
  })
  const all = {
    name: 'all at once',
    attacks: names.map(name => ({ ...orderOf(name), durationMs: 2 * durationMs })),
    durationMs: 2 * durationMs,
  }
  const apart = { ...all, name: 'all at once, probes on an address of their own', apart: true }
  const hasAll = names.length > 1 && (only === undefined || all.name.includes(only))
  return chosen.length === 0 && !hasAll ? [] : [baseline, ...one, ...(hasAll ? [all, apart] : [])]
}

/** An attack in small, of which nothing is measured. */
async function warmUp(order: AttackOrder): Promise<void> {
  await runAttack({ ...order, durationMs: 2_000, ...(order.requests !== undefined && { requests: 20_000 }) })
}

/** Runs phases one after another against one program. */
async function run(targets: Targets, phases: readonly Phase[], web?: string): Promise<Run> {
  const subject = await startSubject({
    dependencies: targets.urls(dependencies),
    intervalMs,
    memoryMiB,
    ...(web !== undefined && { web, auth }),
  })
  const order: HonestOrder = { port: subject.port, ...(web !== undefined && { auth }) }
  const honest = startChild(new URL('./honest.ts', import.meta.url).href, order)
  const load = startChild('constant-load.ts')
  raisePriority(load.pid)
  try {
    await Promise.all([receive(honest), receive(load)])
    // Code is loaded and compiled when it is first used. After that, memory is where it has to come back to.
    for (const phase of phases)
      await Promise.all(phase.attacks.map(attack => warmUp({ ...attack, port: subject.port })))
    await sleep(quick ? 3_000 : 10_000)
    const bench: Bench = { subject, load, honest, reference: subject.usage(), settleMs }
    const measured = []
    for (const phase of phases) {
      const found = await runPhase(phase, bench)
      measured.push({ phase: found, missed: findMissedBars(found, bench.reference) })
      say(measured.at(-1))
      if (!found.alive) break
    }
    return { subject, measured }
  } finally {
    honest.kill()
    load.kill()
    await subject.stop()
  }
}

function say(found: Run['measured'][number] | undefined): void {
  if (found === undefined) return
  const { phase, missed } = found
  const answers = Object.entries(phase.statuses).map(([status, count]) => `${status}×${count}`)
  console.log(`${phase.name}: ${missed.length === 0 ? 'met' : missed.join('; ')}`)
  console.log(
    `  sent ${phase.sent}, answers ${answers.join(' ') || 'none'}; probes' own lateness p99 ${phase.healthz.ownLateP99.toFixed(1)} ms; the program used ${phase.cpuShare.toFixed(2)} cores and waited for one ${phase.waitShare.toFixed(2)} of the time`,
  )
}

const started = performance.now()
const targets = await startTargets()
for (const each of targets.missing) console.log(`left out: ${each}`)
try {
  const hash = bcrypt.hashSync(auth.split(':')[1] ?? '', 10)
  const web = `basic_auth_users:\n  scraper: ${hash}\n`
  const open = phasesOf(Object.keys(attacks))
  const guarded = phasesOf(Object.keys(passwordAttack)).map(phase =>
    phase.name === 'none' ? { ...phase, name: 'none, with users' } : phase,
  )
  const runs: Run[] = []
  if (open.length > 0) runs.push(await run(targets, open))
  if (guarded.length > 0) runs.push(await run(targets, guarded, web))
  const all = runs.flatMap(({ measured }) => measured)
  const [first] = runs
  const conditions = [
    `${dependencies} dependencies, each checked every ${intervalMs / 1_000} s, ${first?.subject.launcher}, Node.js ${process.version}`,
    first?.subject.isBounded
      ? `in a cgroup of ${memoryMiB} MiB`
      : 'without a memory limit, since no cgroup could be made here',
    `${cpus().length} cores shared with the attackers (nice 10; all others nice -10 where permitted), load average at the end ${loadavg()[0]?.toFixed(1)}`,
    `fuzz with seed ${seed}`,
  ].join('; ')
  const figures = formatTable(
    all.map(({ phase }) => phase),
    phase => all.find(each => each.phase === phase)?.missed ?? [],
  )
  console.log(`\n${conditions}; ${((performance.now() - started) / 60_000).toFixed(1)} minutes\n\n${figures}`)
  if (isWhole) publish(`Measured on ${new Date().toISOString().slice(0, 10)}: ${conditions}.\n\n${figures}`)
  if (all.some(({ missed }) => missed.length > 0)) process.exitCode = 1
} finally {
  await targets.stop()
}
