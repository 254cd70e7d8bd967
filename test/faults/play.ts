/** Plays one fault again and again against the real program, and measures what its clients see. */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DependencyReport } from '../../src/views/status.ts'
import { serve } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'
import type { Fault } from './scene.ts'

/** The dependency's settings in a play. */
export const settings = { interval: 500, timeout: 300, confirmInterval: 100, failureThreshold: 2 } as const

/** From the fault to the first failing check, its timeout, and the confirmation with its own timeout. */
export const detectionBoundMs =
  settings.interval +
  settings.failureThreshold * settings.timeout +
  (settings.failureThreshold - 1) * settings.confirmInterval +
  100
/** The next tick finds it, and takes no longer than the timeout. */
export const recoveryBoundMs = settings.interval + settings.timeout + 100

/** How often the program is asked, in milliseconds: the precision of what is measured. */
const lookMs = 10
/** A change that has not come by then does not come. */
const patienceMs = 20_000

export interface Played {
  readonly id: string
  readonly fault: string
  readonly status: string
  readonly reason: string
  readonly detail: string
  readonly injections: number
  /** Milliseconds, one an injection. */
  readonly detectedMs: readonly number[]
  readonly recoveredMs: readonly number[]
  readonly detectionBoundMs: number
  readonly recoveryBoundMs: number
  /** The slowest answer of `/healthz` while it was played. */
  readonly slowestAliveMs: number
  /** What went otherwise than it must; none: the promise held. */
  readonly problems: readonly string[]
}

/** Never rejects for what the program does: that is a problem of the row. */
export async function play(fault: Fault, times: number): Promise<Played> {
  const bystander = await serve(() => {})
  try {
    const program = await startProgram({ config: configOf(fault, bystander.port) })
    try {
      return await playAll(fault, times, program)
    } finally {
      await program.remove()
    }
  } catch (error) {
    return unplayable(fault, error)
  } finally {
    await bystander.close()
  }
}

function configOf({ dependency, bystander, beside }: Fault, bystanderPort: number) {
  const { interval, timeout, confirmInterval, failureThreshold } = settings
  return {
    defaults: {
      interval: `${interval}ms`,
      timeout: `${timeout}ms`,
      confirmInterval: `${confirmInterval}ms`,
      failureThreshold,
    },
    dependencies: {
      subject: dependency,
      bystander: bystander ?? { kind: 'tcp', url: `tcp://127.0.0.1:${bystanderPort}` },
      ...beside,
    },
  }
}

function unplayable({ id, fault, verdict }: Fault, error: unknown): Played {
  return {
    id,
    fault,
    status: verdict.status,
    reason: '',
    detail: '',
    injections: 0,
    detectedMs: [],
    recoveredMs: [],
    detectionBoundMs,
    recoveryBoundMs,
    slowestAliveMs: 0,
    problems: [error instanceof Error ? error.message : String(error)],
  }
}

async function playAll(fault: Fault, times: number, program: Program): Promise<Played> {
  const problems: string[] = []
  const detectedMs: number[] = []
  const recoveredMs: number[] = []
  let told: DependencyReport | undefined
  const ask = asker(program, problems)
  let isBroken = false
  const bounds = {
    detectionBoundMs: detectionBoundMs + (fault.delayMs?.inject ?? 0),
    recoveryBoundMs: recoveryBoundMs + (fault.delayMs?.heal ?? 0),
  }
  try {
    await ask.until(true, 'is up before the fault')
    const keepsUp = fault.verdict.status === 'up'
    for (let i = 0; i < (fault.times ?? times); i++) {
      await sleep(Math.random() * settings.interval)
      await fault.inject()
      isBroken = true
      if (keepsUp) await sleep(2 * detectionBoundMs)
      else detectedMs.push(await ask.until(false, 'is seen'))
      told = await settledReport(program)
      judge(fault, told, problems)
      await fault.heal()
      isBroken = false
      recoveredMs.push(await ask.until(true, 'recovers'))
    }
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  } finally {
    if (isBroken) await fault.heal()
  }
  await judgeBystander(program, problems)
  if (detectedMs.some(ms => ms > bounds.detectionBoundMs)) problems.push('detected later than the bound')
  if (recoveredMs.some(ms => ms > bounds.recoveryBoundMs)) problems.push('recovered later than the bound')
  ask.close()
  return {
    id: fault.id,
    fault: fault.fault,
    status: told?.status ?? '',
    reason: told?.lastFailure?.reason ?? '',
    detail: told?.lastFailure?.detail ?? '',
    injections: recoveredMs.length,
    detectedMs,
    recoveredMs: fault.verdict.status === 'up' ? [] : recoveredMs,
    ...bounds,
    slowestAliveMs: ask.slowestAliveMs(),
    problems: [...new Set(problems)],
  }
}

async function settledReport(program: Program): Promise<DependencyReport> {
  const { dependencies } = await program.health()
  return dependencies.subject as DependencyReport
}

function judge({ verdict }: Fault, { status, lastCheck }: DependencyReport, problems: string[]): void {
  if (status !== verdict.status) problems.push(`status ${status}, expected ${verdict.status}`)
  if (verdict.reason !== undefined && lastCheck?.reason !== verdict.reason)
    problems.push(`reason ${lastCheck?.reason} (${lastCheck?.message}), expected ${verdict.reason}`)
  const details = verdict.detail === undefined ? [] : [verdict.detail].flat()
  if (details.length > 0 && !details.includes(lastCheck?.detail ?? ''))
    problems.push(`detail ${lastCheck?.detail} (${lastCheck?.message}), expected ${details.join(' or ')}`)
}

/** Others are not touched: the bystander never failed, was never skipped, and never changed. */
async function judgeBystander(program: Program, problems: string[]): Promise<void> {
  const { dependencies } = await program.health()
  const { failures, skipped, transitions } = dependencies.bystander as DependencyReport
  if (failures > 0 || transitions > 0) problems.push(`a bystander failed ${failures} times`)
  if (skipped > 0) problems.push(`a bystander was skipped ${skipped} times`)
}

/** Asks `/readyz/subject` over one connection every few milliseconds, and `/healthz` beside it. */
function asker({ url }: Program, problems: string[]) {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  let slowestAliveMs = 0
  const isAlive = async () => {
    const from = performance.now()
    const status = await statusOf('/healthz')
    slowestAliveMs = Math.max(slowestAliveMs, Math.round(performance.now() - from))
    if (status !== 200) problems.push(`/healthz answered ${status}`)
  }
  const statusOf = (path: string) =>
    new Promise<number>((resolve, reject) => {
      const asked = request(`${url}${path}`, { agent }, response => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0))
      })
      asked.once('error', reject).end()
    })
  return {
    /** Milliseconds until the subject is up, or is not. */
    async until(up: boolean, what: string): Promise<number> {
      const from = performance.now()
      for (;;) {
        const [ready] = await Promise.all([statusOf('/readyz/subject'), isAlive()])
        const tookMs = performance.now() - from
        if ((ready === 200) === up) return Math.round(tookMs)
        if (tookMs > patienceMs) throw new Error(`waited ${patienceMs} ms until it ${what}`)
        await sleep(lookMs)
      }
    },
    slowestAliveMs: () => slowestAliveMs,
    close: () => agent.destroy(),
  }
}
