/** Failures as a kind declares them, and how the declaration of a detail is found. */

/** Why a check failed: a closed set, safe as a label value. `detail` says more, `message` says it to people. */
export const reasons = [
  'timeout',
  'connection_error',
  'dns_error',
  'tls_error',
  'auth_error',
  'protocol_error',
  'unhealthy',
  'error',
] as const
/** Why a check failed: one of `reasons`. */
export type Reason = (typeof reasons)[number]

/** What a failure means for people: its reason, what has happened, and what to do about it. */
export type Failure = readonly [reason: Reason, meaning: string, remedy: string]

/**
 * Failures by detail. In a key, `*` stands for any text and `?` for one character, as in `28*`, `http_*` and `?????`; of
 * the keys that fit, the one with the most literal characters counts. A detail with several reasons has a list; its first
 * entry is the one that the detail stands for when nothing else is known.
 */
export type Failures = Readonly<Record<string, Failure | readonly [Failure, ...Failure[]]>>

/** What a failure means and what to do about it, as it was declared. Words of the configuration are in backquotes. */
export interface Advice {
  /** What has happened. */
  readonly meaning: string
  /** What to do about it. */
  readonly remedy: string
}

/** All that a detail can mean, by the key that fits it best; empty if these declare no such detail. */
export function failuresOf(failures: Failures, detail: string): readonly Failure[] {
  const exact = Object.hasOwn(failures, detail) ? failures[detail] : undefined
  if (exact !== undefined) return listed(exact)
  const patterns = Object.entries(failures).filter(([key]) => isPattern(key) && fits(key, detail))
  const [best] = patterns.sort(([a], [b]) => literals(b) - literals(a))
  return best === undefined ? [] : listed(best[1])
}

/** The failure that a detail stands for, if these declare it. */
export function findFailure(failures: Failures, detail: string): Failure | undefined {
  return failuresOf(failures, detail)[0]
}

/** A declaration as a list. */
export function listed(declared: Failures[string]): readonly Failure[] {
  return isOne(declared) ? [declared] : declared
}

function isOne(declared: Failures[string]): declared is Failure {
  return typeof declared[0] === 'string'
}

function isPattern(key: string): boolean {
  return /[*?]/.test(key)
}

function fits(pattern: string, detail: string): boolean {
  const source = pattern.replace(/\W/g, sign => wildcards.get(sign) ?? `\\${sign}`)
  return new RegExp(`^${source}$`, 's').test(detail)
}

const wildcards: ReadonlyMap<string, string> = new Map([
  ['*', '.*'],
  ['?', '.'],
])

function literals(pattern: string): number {
  return pattern.replace(/[*?]/g, '').length
}
