/**
 * DNS: one question to one name server, over UDP or TCP, and an answer with the expected response code and records. The
 * name is queried as written: no search list, no hosts file, no cache.
 */
import { formatAddress } from '../../model/address.ts'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { defineKind } from '../../model/kind.ts'
import { addressesOf } from '../shared/connect.ts'
import { failures, judge } from './expect.ts'
import {
  createQuery,
  isTruncated,
  mismatch,
  type Query,
  type Reply,
  readReply,
  wrongReply,
} from './message.ts'
import { type Asked, type Options, options, questionOf } from './options.ts'
import { askByTcp, askByUdp } from './transport.ts'

export const dns = defineKind({
  name: 'dns',
  schemes: ['dns'],
  options,
  example: { url: 'dns://10.0.0.53/example.com' },
  measurements: {
    answers: 'Records of the requested type in the answer.',
    min_ttl_seconds: 'Smallest TTL among the records that lead to the answer, if there is an answer.',
  },
  failures,
  target: options => {
    const { host, port, name, type } = questionOf(options)
    return `${formatAddress(host, port)}/${name}?type=${type}`
  },
  open: options => {
    const asked = questionOf(options)
    return { check: context => check(asked, options, context) }
  },
})

async function check(asked: Asked, options: Options, context: CheckContext): Promise<void> {
  const first = await ask(asked, options, 'edns', context)
  // A server that does not know EDNS answers FORMERR: RFC 6891, section 7.
  const again = first.rcode === 'FORMERR' && options.expect?.rcode !== 'FORMERR'
  const reply = again ? await ask(asked, options, 'plain', context) : first
  context.measure('answers', reply.answers.length)
  if (reply.minTtlSeconds !== undefined) context.measure('min_ttl_seconds', reply.minTtlSeconds)
  const failure = judge(reply, asked, options.expect)
  if (failure !== undefined) throw failure
}

async function ask(
  asked: Asked,
  options: Options,
  form: 'edns' | 'plain',
  context: CheckContext,
): Promise<Reply> {
  const query = createQuery(asked, form)
  const bytes =
    options.transport === 'tcp'
      ? await askByTcp({ ...asked, ipFamily: options.ipFamily }, query, context)
      : await askByBoth(asked, options, query, context)
  if (isTruncated(bytes)) throw truncated('over TCP, where it must be complete')
  return readReply(bytes, asked)
}

/** Asks over UDP, and over TCP at the same address if the answer does not fit (RFC 7766, section 5). */
async function askByBoth(
  { host, port }: Asked,
  { ipFamily }: Options,
  query: Query,
  context: CheckContext,
): Promise<Buffer> {
  const addresses = await addressesOf({ host, ipFamily }, context)
  context.enter('request')
  let foreign: string | undefined
  const isOurs = (bytes: Buffer) => {
    const problem = mismatch(bytes, query)
    // Once is enough, because there may be a flood of them.
    if (problem !== undefined && foreign === undefined) context.presume(wrongReply(problem))
    foreign ??= problem
    return problem === undefined
  }
  const { bytes, address } = await askByUdp({ addresses, port }, query, isOurs, context)
  if (!isTruncated(bytes)) return bytes
  context.presume(truncated('over UDP, and there is none over TCP'))
  return await askByTcp({ host: address, port }, query, context)
}

function truncated(where: string): CheckError {
  return new CheckError('unhealthy', 'truncated', `the answer is truncated ${where}`)
}
