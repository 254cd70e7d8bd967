/** The options of kind `dns`, and the question that they specify. */
import { z } from 'zod'
import { decodePercent } from '../../model/notation.ts'
import {
  addressedBy,
  bareHost,
  type Endpoint,
  endpointHint,
  ipFamily,
  parseEndpoint,
  urlProblem,
  userinfoProblem,
} from '../shared/options.ts'
import { type RecordType, rcodes, recordTypes } from './records.ts'

const defaultPort = 53

/** Labels of printable ASCII, 63 bytes each and 253 in all (RFC 1035, section 2.3.4), with or without the final dot. */
const queryName = z
  .string()
  .max(254, { error: 'a name has at most 253 characters' })
  .regex(/^(?:\.|(?:[!-\-/-~]{1,63}\.)*[!-\-/-~]{1,63}\.?)$/, {
    error: 'expected labels of 1 to 63 ASCII characters; write others in Punycode (xn--...)',
  })
  .refine(name => name.replace(/\.$/, '').length <= 253, { error: 'a name has at most 253 characters' })

const recordType = z.enum(recordTypes)

/** A string that is kept as written if it can be read; `read` returns what is wrong with it as a string. */
function readable(read: (text: string) => object | string) {
  return z.string().superRefine((text, context) => {
    const found = read(text)
    if (typeof found === 'string') context.addIssue({ code: 'custom', message: found })
  })
}

function readServer(text: string): Endpoint | string {
  return parseEndpoint(text, defaultPort) ?? endpointHint
}

interface Target extends Endpoint {
  readonly name: string
  readonly type: RecordType | undefined
}

/** Reads what a URL asks for, or returns what is wrong with it: RFC 4501, with a server. */
function readUrl(text: string): Target | string {
  const problem = urlProblem(text, ['dns'])
  if (problem !== undefined) return problem
  const url = new URL(text)
  const { hostname, port, pathname, search } = url
  const userinfo = userinfoProblem(url, 'DNS has no login')
  if (userinfo !== undefined) return userinfo
  if (pathname.length < 2) return 'the URL needs a name: dns://server/name'
  const name = queryName.safeParse(decodePercent(pathname.slice(1)) ?? pathname)
  if (!name.success) return name.error.issues[0]?.message ?? 'the URL has no valid name'
  const [type, ...more] = search.slice(1).split(/[;&]/).filter(Boolean).map(readParameter)
  if (type === null || more.length > 0)
    return `after the name, expected ?type= with one of ${recordTypes.join(', ')}`
  return { host: bareHost(hostname), port: port === '' ? defaultPort : Number(port), name: name.data, type }
}

/** Keys and values are not case-sensitive: RFC 4501, section 3. */
function readParameter(text: string): RecordType | null {
  const [, value = ''] = /^type=(.*)$/i.exec(text) ?? []
  return recordType.safeParse(value.toUpperCase()).data ?? null
}

const expectation = z.strictObject({
  rcode: z.enum(rcodes).default('NOERROR').describe('Response code. Default NOERROR.'),
  answers: z
    .array(z.string().min(1).max(4_096))
    .min(1)
    .max(64)
    .optional()
    .describe('Records that must be in the answer, as dig +short prints them, without quotes.'),
  minAnswers: z
    .int()
    .min(0)
    .max(4_096)
    .optional()
    .describe('Minimum number of records of the type. Default 1, or 0 if rcode is not NOERROR.'),
  authoritative: z
    .boolean()
    .optional()
    .describe('true: the answer must be authoritative; false: it must not be. Default: either.'),
})

export type Expectation = z.output<typeof expectation>

export const options = z
  .strictObject({
    url: readable(readUrl)
      .meta({
        file: true,
        description:
          'dns://server:port/name?type=A. The port may be left out if it is 53, and the type if it is A.',
      })
      .optional(),
    server: readable(readServer)
      .optional()
      .describe('Name server as host or host:port, instead of a URL. Default port 53.'),
    name: queryName.optional().describe('Name to query, taken literally: no search list.'),
    type: recordType.optional().describe('Type of the records to query. Default A.'),
    transport: z
      .enum(['udp', 'tcp'])
      .default('udp')
      .describe('udp: UDP, and TCP if the answer does not fit; tcp: only TCP. Default udp.'),
    ipFamily,
    expect: expectation.optional().describe('What to expect of the response.'),
  })
  .superRefine(addressedBy(['server', 'name']))
  .superRefine(refuseIncoherent)

export type Options = z.output<typeof options>

/** What is asked of whom. */
export interface Asked {
  readonly host: string
  readonly port: number
  /** Without the final dot; `.` for the root. */
  readonly name: string
  readonly type: RecordType
}

/** Returns what validated options ask of whom. */
export function questionOf({ url, server = '', name = '', type = 'A' }: Options): Asked {
  const read = url === undefined ? readServer(server) : readUrl(url)
  // The schema has refused what cannot be read.
  if (typeof read === 'string') throw new TypeError(read)
  const { host, port, name: given = name, type: wanted = type }: Endpoint & Partial<Target> = read
  return { host, port, name: given === '.' ? given : given.replace(/\.$/, ''), type: wanted }
}

interface Given {
  readonly url?: string | undefined
  readonly type?: string | undefined
  readonly expect?: Expectation | undefined
}

function refuseIncoherent({ url, type, expect }: Given, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
  const read = url === undefined ? undefined : readUrl(url)
  if (typeof read === 'object' && read.type !== undefined && type !== undefined)
    refuse(['type'], 'give the type here or in the URL, not both')
  if (expect === undefined || expect.rcode === 'NOERROR') return
  for (const key of ['answers', 'minAnswers'] as const)
    if (expect[key] !== undefined)
      refuse(['expect', key], `${expect.rcode} comes without answers; remove one of them`)
}
