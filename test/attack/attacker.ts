/** One attack in a process of its own, which gives way to everybody else for the processor. */
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { readOrder } from '../../bench/support/child.ts'
import { type AnswersSeen, createAnswers } from './answers.ts'
import { allAttacks, sourcesOf } from './attacks.ts'

export interface AttackOrder {
  readonly name: string
  readonly port: number
  readonly durationMs: number
  /** Of a fuzz. */
  readonly seed?: number
  readonly requests?: number
}

export interface AttackReport extends AnswersSeen {
  /** Requests, or connections where none are made. */
  readonly sent: number
}

/** An attack that does not end in time is ended; what it has seen counts. */
const graceMs = 10_000

const { name, ...order } = readOrder<AttackOrder>()
// Lower still, it would not run at all where others are busy.
setPriority(10)
const answers = createAnswers()
const sent = await Promise.race([
  allAttacks[name]?.run({ ...order, from: sourcesOf(name), answers }),
  sleep(order.durationMs + graceMs),
])
process.send?.({ sent: sent ?? Number.NaN, ...answers.seen() } satisfies AttackReport, () => process.exit())
