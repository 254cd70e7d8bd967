/** One check of a kind, as the schedule would run it. */

import { createDependency, dependencySchema, optionsOf } from '../../src/model/definition.ts'
import type { CheckOutcome, CheckResult } from '../../src/model/dependency.ts'
import { failuresOf } from '../../src/model/failure.ts'
import type { DependencyOptions, Kind } from '../../src/model/kind.ts'
import { type Asker, createAsker } from '../../src/schedule/ask.ts'
import { createStalls, createSystemClock } from '../../src/schedule/clock.ts'
import { commonFailures } from '../../src/schedule/failures.ts'
import { createResolver } from '../../src/schedule/resolve.ts'
import type { Run } from '../../src/schedule/run.ts'

export type Options = Readonly<Record<string, unknown>>

/** Opens a checker for plain options, validated as a config would be. */
export function openAsker(kind: Kind, options: Options, timeoutMs = 2_000): Asker {
  const parsed = dependencySchema(kind).parse({ interval: '1h', timeout: `${timeoutMs}ms`, ...options })
  const definition = createDependency('under-test', kind, parsed)
  const clock = createSystemClock()
  const { resolve } = createResolver()
  return createAsker(definition, { clock, stalls: createStalls(clock), resolve })
}

/** The same for what the function of a kind returns, such as `postgres({ pool })`. */
export function openMade({ kind, options }: DependencyOptions, timeoutMs = 2_000): Asker {
  return openAsker(kind, Object(options), timeoutMs)
}

/** The result of one more check, after the checker has let go of everything. */
export async function ask(asker: Asker): Promise<CheckResult> {
  const { outcome, settled } = asker.ask()
  const result = expectCompleted(await outcome)
  await settled
  return result
}

/** The options of a kind as its schema gives them. */
export function parseOptions<Options>(kind: Kind<Options>, given: unknown): Options {
  return optionsOf(kind as Kind).parse(given) as Options
}

/** Starts a check with plain options; its checker is closed once it has settled. */
export function startCheck(kind: Kind, options: Options, timeoutMs = 2_000): Run {
  const asker = openAsker(kind, options, timeoutMs)
  const check = asker.ask()
  return { ...check, settled: check.settled.then(asker.close) }
}

/** The result of one check, after the checker has let go of everything. */
export async function check(kind: Kind, options: Options, timeoutMs = 2_000): Promise<CheckResult> {
  const { outcome, settled } = startCheck(kind, options, timeoutMs)
  const result = expectCompleted(await outcome)
  await settled
  expectDeclared(kind, result)
  return result
}

/** Every failure that a test sees is one that the kind, or all kinds, declare. */
function expectDeclared({ name, failures = {} }: Kind, result: CheckResult): void {
  if (result.ok) return
  const { reason, detail } = result
  const declared = [failures, commonFailures].flatMap(each => failuresOf(each, detail))
  if (!declared.some(([each]) => each === reason))
    throw new Error(`${name} does not declare the failure ${detail} (${reason})`)
}

function expectCompleted(outcome: CheckOutcome): CheckResult {
  if ('skipped' in outcome) throw new Error(`the check was skipped: ${outcome.skipped}`)
  return outcome
}
