/** The tables of reasons and details in docs/metrics.md against all that the kinds and the schedule can say. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseError } from 'pg'
import { describe, expect, test } from 'vitest'
import { refusal as postgresRefusal } from '../../src/kinds/postgres/session.ts'
import { refusal as redisRefusal } from '../../src/kinds/redis/refusal.ts'
import { type Reason, reasons } from '../../src/model/dependency.ts'
import { dnsFailures } from '../../src/schedule/nameservers.ts'
import { failureOf, timeoutFailure } from '../../src/schedule/reason.ts'
import { quoted, root, rowsUnder } from './documents.ts'

const page = 'docs/metrics.md'

/** As the document has them. */
const documented = reasons.flatMap(reason =>
  rowsUnder(page, reason).flatMap(([details = '', meaning = '']) =>
    quoted(details).map(detail => ({ reason, detail, meaning })),
  ),
)

const sources = globSync('src/kinds/**/*.ts', { cwd: root }).map(file =>
  readFileSync(join(root, file), 'utf8'),
)
const naming = readFileSync(join(root, 'src/schedule/reason.ts'), 'utf8')

/** Pairs of reason and detail that stand beside each other in the kinds, in either order. */
const paired = sources.flatMap(text => [
  ...[...text.matchAll(/'([a-z_]+)',\s*'(\w+)'/g)].map(([, reason, detail]) => ({ reason, detail })),
  ...[...text.matchAll(/\['(\w+)', '([a-z_]+)'\]/g)].map(([, detail, reason]) => ({ reason, detail })),
])
/** Details of failures that a function of the kind calls unhealthy. */
const unhealthy = sources.flatMap(text => [
  ...[...text.matchAll(/\bunhealthy\(\s*'(\w+)'/g)].map(([, detail]) => detail),
  ...[...text.matchAll(/\brefuse\(\s*'(\w+_\w+)'/g)].map(([, detail]) => detail),
  ...[...text.matchAll(/detail = .*\? '(\w+)' : '(\w+)'/g)].flatMap(([, one, other]) => [one, other]),
])
const said = [
  ...paired.filter(({ reason }) => reasons.includes(reason as Reason)),
  ...unhealthy.map(detail => ({ reason: 'unhealthy', detail })),
  ...Object.keys(dnsFailures).map(detail => ({ reason: 'dns_error', detail })),
].map(({ reason, detail = '' }) => ({ reason, detail: /^\d\d$/.test(detail) ? `class ${detail}` : detail }))

/** The codes that the schedule names, out of its sets. Alerts stand there by their name. */
const codes = [...naming.matchAll(/new Set\(\[([^\]]*)\]\)/g)]
  .flatMap(([, list = '']) => [...list.matchAll(/'(\w+)'/g)].map(([, code = '']) => code))
  .map(code => (/[a-z]/.test(code) ? `ERR_SSL_TLSV1_ALERT_${code.toUpperCase()}` : code))
  .map(code => ({ code, ...failureOf(coded(code)) }))

function coded(code: string): Error {
  return Object.assign(new Error(code), { code })
}

describe('what the code can say is documented', () => {
  test('what the kinds name', () => {
    const missing = said.filter(({ reason, detail }) => {
      const rows = documented.filter(row => row.reason === reason)
      return !rows.some(row =>
        detail.startsWith('class ') ? row.meaning.includes(detail) : row.detail === detail,
      )
    })
    expect(missing).toEqual([])
  })

  // Of the three sets, the last is of what never counts as a failure.
  test('what the schedule names', () => {
    const missing = codes
      .filter(({ reason }) => reason !== 'error')
      .filter(({ reason, detail }) => !documented.some(row => row.reason === reason && row.detail === detail))
    expect(missing).toEqual([])
  })

  test('a deadline in each phase', () => {
    for (const phase of ['dns', 'connect', 'request'] as const) {
      const { reason, detail } = timeoutFailure(phase, 1)
      expect(documented).toContainEqual(expect.objectContaining({ reason, detail }))
    }
  })

  test('there is something to say', () => {
    expect(said.length).toBeGreaterThan(40)
    expect(codes.length).toBeGreaterThan(25)
  })
})

describe('what is documented, the code can say', () => {
  test('every detail comes out under its reason', () => {
    const unheard = documented.filter(
      ({ reason, detail }) => !sourcesOf(detail.replaceAll('*', rest(detail))).includes(reason),
    )
    expect(unheard).toEqual([])
    expect(documented.length).toBeGreaterThan(80)
  })
})

/** What a star may stand for. */
function rest(detail: string): string {
  if (detail.startsWith('http_')) return '500'
  return detail.startsWith('tls_alert_') ? 'any' : 'ANY'
}

/** The reasons under which a detail can come out. */
function sourcesOf(detail: string): readonly (string | undefined)[] {
  const literal = said.filter(pair => pair.detail === detail).map(({ reason }) => reason)
  const system = failureOf(coded(detail))
  const alert = failureOf(coded(`ERR_SSL_TLSV1_ALERT_${detail.replace('tls_alert_', '').toUpperCase()}`))
  const internal = detail === 'internal_error' ? ['error'] : []
  const timeout = (['dns', 'connect', 'request'] as const)
    .map(phase => timeoutFailure(phase, 1))
    .filter(failure => failure.detail === detail)
    .map(failure => failure.reason)
  return [
    ...literal,
    ...(system.reason === 'error' ? internal : [system.reason]),
    ...(alert.detail === detail ? [alert.reason] : []),
    ...timeout,
    ...ofServers(detail),
  ]
}

function ofServers(detail: string): readonly string[] {
  if (/^http_40[137]$/.test(detail)) return ['auth_error']
  if (/^http_\d{3}$/.test(detail)) return ['unhealthy']
  if (/^(?=.*\d)[0-9A-Z]{5}$/.test(detail))
    return [postgresRefusal(Object.assign(new DatabaseError('', 0, 'error'), { code: detail })).reason]
  if (/^[A-Z]+$/.test(detail))
    return ['PING', 'AUTH']
      .map(command => redisRefusal(command, `${detail} text`))
      .filter(error => error.detail === detail)
      .map(({ reason }) => reason)
  return []
}
