/**
 * DNS: one question to one name server, over UDP or TCP, and an answer with the expected response code and records. The
 * name is queried as written: no search list, no hosts file, no cache.
 */

import { defineKind } from '../../model/kind.ts'
import { formatAddress } from '../../model/notation.ts'
import { failures } from './expect.ts'
import { options, questionOf } from './options.ts'

/** Sends one query to a name server: `dns({ url: 'dns://10.0.0.53/orders.example' })`. */
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
    const loading = import('./check.ts')
    return { check: async context => (await loading).check(asked, options, context) }
  },
})
