/** A check that is a function of the application. */
import { z } from 'zod'
import type { CheckContext } from '../model/dependency.ts'
import type { Failures } from '../model/failure.ts'
import { type DependencyOptions, defineKind, type SettingsInput } from '../model/kind.ts'

/** The context of a check, whose `measure` knows the declared measurements alone. */
export interface OwnCheckContext<Name extends string> extends Omit<CheckContext, 'measure'> {
  /** Reports a number, in base units. It is kept even if the check then fails; the last value of a name counts. */
  measure(name: Name, value: number): void
}

/** The options of a function as a check, beside those that every dependency has. */
export interface OwnCheckOptions<Name extends string> extends SettingsInput {
  /** What is asked, for people: `orders queue`. Default: the name of the function, or else of the dependency. */
  readonly target?: string | undefined
  /** What the check measures: name to HELP. Exported as `dependency_custom_<name>`; the name ends in its unit. */
  readonly measurements?: Readonly<Record<Name, string>> | undefined
}

/**
 * A dependency that a function of the application checks: `check(async ({ signal }) => { ... }, { interval: '10s' })`.
 * It is up when the function returns, and down when it throws: a `CheckError` names reason and detail, and errors of
 * Node and of TLS are named by their code. At the deadline, `signal` aborts and the check is a timeout. Pass `signal` on: a
 * function that ignores it is not called again until it has returned, and meanwhile the status becomes unknown.
 */
export function check<Name extends string = never>(
  run: (context: OwnCheckContext<Name>) => Promise<void> | void,
  options: OwnCheckOptions<Name> = {},
): DependencyOptions {
  if (typeof run !== 'function') throw new TypeError('check() takes a function, and its options')
  const help: Readonly<Record<string, string>> = readMeasurements(options.measurements)
  const kind = defineKind({
    name: 'custom',
    measurements: help,
    failures,
    options: z.strictObject({
      run: z.custom<typeof run>().describe('The function.'),
      target: z.string().min(1).optional().describe('What is asked, for people.'),
      measurements: z.record(z.string(), z.string()).optional().describe('What is measured: name to HELP.'),
    }),
    target: ({ target = run.name }) => target,
    open: () => ({ check: async context => await run({ ...context, measure: declared(context, help) }) }),
  })
  return kind({ ...options, run })
}

const failures: Failures = {
  timeout: [
    'timeout',
    'The check function did not return before its deadline.',
    'Look at what it waits for, and pass its `signal` on. If it is merely slow, raise `timeout`.',
  ],
  internal_error: [
    'error',
    'The check function threw an error without a known code.',
    'Look at the message. Throw a `CheckError` to give reason and detail.',
  ],
}

/** A number under a name that nobody declared would be on no scrape. */
function declared({ measure }: CheckContext, help: Readonly<Record<string, string>>): typeof measure {
  return (name, value) => {
    if (!Object.hasOwn(help, name))
      throw new TypeError(`measurement ${JSON.stringify(name)} is not declared; add it to measurements`)
    measure(name, value)
  }
}

/** @throws TypeError for a name that no metric can have. */
function readMeasurements(
  measurements: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const wrong = Object.keys(measurements).filter(name => !/^[a-z][a-z0-9_]*$/.test(name))
  if (wrong.length > 0)
    throw new TypeError(
      `measurements: ${wrong.map(name => JSON.stringify(name)).join(', ')}: a name has a-z, 0-9 and "_", and begins with a letter`,
    )
  return measurements
}
