/** What a bench holds itself to. `npm run bench` collects it from all benches into one table. */
import { appendFileSync } from 'node:fs'

export interface Bar {
  /** What is measured, as the table names it. */
  readonly what: string
  readonly value: number
  /** What follows the value: ` MiB`, or ` × bare node:http`. */
  readonly unit: string
  readonly atMost?: number
  readonly atLeast?: number
}

export function isMet({
  value,
  atMost = Number.POSITIVE_INFINITY,
  atLeast = Number.NEGATIVE_INFINITY,
}: Bar): boolean {
  return value <= atMost && value >= atLeast
}

/** Tells the bench of all benches, if it has started this one. */
export function hold(bar: Bar): void {
  const file = process.env.PULSECHECK_BARS
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(bar)}\n`)
}
