/** Whatever a server sends, reading it gives a reply or one kind of error. */
import { encode } from 'dns-packet'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createQuery, isTruncated, mismatch, readReply } from '../../../src/kinds/dns/message.ts'
import { CheckError } from '../../../src/model/dependency.ts'

const asked = { name: 'example.com', type: 'MX' } as const
const query = createQuery(asked)

const reply = encode({
  type: 'response',
  id: query.bytes.readUInt16BE(0),
  questions: [asked],
  answers: [
    { type: 'CNAME', name: 'example.com', data: 'www.example.com', ttl: 9 },
    { type: 'MX', name: 'www.example.com', data: { preference: 10, exchange: 'mail' }, ttl: 2 ** 32 - 1 },
    { type: 'TXT', name: 'www.example.com', data: ['one', 'two'], ttl: 5 },
    { type: 'CAA', name: 'www.example.com', data: { flags: 0, tag: 'issue', value: 'ca' }, ttl: 5 },
  ],
  authorities: [{ type: 'NS', name: 'example.com', data: 'ns.example.com', ttl: 5 }],
  additionals: [
    {
      type: 'OPT',
      name: '.',
      udpPayloadSize: 1_232,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [{ code: 12, length: 8 }],
    },
  ],
})

test('a reply is read; a TTL with its highest bit set is 0', () => {
  expect(mismatch(reply, query)).toBeUndefined()
  expect(readReply(reply, asked)).toEqual({
    rcode: 'NOERROR',
    isAuthoritative: false,
    answers: ['10 mail'],
    minTtlSeconds: 0,
  })
})

test('any bytes are read, or refused by one error', () => {
  const spoilt = fc
    .tuple(fc.array(fc.tuple(fc.nat(reply.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(reply.length))
    .map(([changes, length]) => {
      const bytes = Buffer.from(reply)
      for (const [at, value] of changes) bytes[at] = value
      return bytes.subarray(0, length)
    })
  const noise = fc.uint8Array({ maxLength: 600 }).map(bytes => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.oneof(spoilt, noise), bytes => {
      if (mismatch(bytes, query) !== undefined || isTruncated(bytes)) return
      try {
        for (const answer of readReply(bytes, asked).answers) expect(typeof answer).toBe('string')
      } catch (error) {
        expect(error).toBeInstanceOf(CheckError)
        expect(error).toMatchObject({ reason: 'protocol_error', detail: 'malformed_reply' })
      }
    }),
    { numRuns: 5_000 },
  )
})
