/** One check of DNS. It is loaded when a dependency of the kind is opened, and brings what encodes and reads messages. */
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { addressesOf } from '../shared/connect.ts'
import { judge } from './expect.ts'
import {
  createQuery,
  isTruncated,
  mismatch,
  type Query,
  type Reply,
  readReply,
  wrongReply,
} from './message.ts'
import type { Asked, Options } from './options.ts'
import { askByTcp, askByUdp } from './transport.ts'

export async function check(asked: Asked, options: Options, context: CheckContext): Promise<void> {
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
