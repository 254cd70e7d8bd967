/**
 * Redis: a fresh connection logs in and gets PONG. Optionally, the server must have a certain role or accept writes. Checks
 * one server, the master or a replica behind Sentinel, or a Cluster.
 */
import { defineKind, withBorrowed } from '../../model/kind.ts'
import { bothMeasurements } from '../shared/borrowed.ts'
import { clientOptions, clientTarget } from './borrowed.ts'
import { failures } from './failures.ts'
import { options, targetOf } from './options.ts'

const measurements = {
  connected_replicas: 'Replicas connected to the master, if its role is checked.',
  master_link_up: '1 if the replica is connected to its master, otherwise 0, if its role is checked.',
  ...bothMeasurements,
}

const byAddress = defineKind({
  name: 'redis',
  schemes: ['redis', 'rediss'],
  options,
  example: { url: 'redis://cache.example:6379' },
  measurements,
  failures,
  target: targetOf,
  open(options) {
    const check = import('./check.ts').then(({ createCheck }) => createCheck(options))
    return { check: async context => (await check)(context) }
  },
})

const byClient = defineKind({
  name: 'redis',
  options: clientOptions,
  measurements,
  failures,
  target: options => clientTarget(options, byAddress.target),
  open: options => {
    const fresh = options.fresh && byAddress.open(options.fresh)
    const checker = import('./check.ts').then(({ openClient }) => openClient(options, fresh?.check))
    return { check: async context => await (await checker).check(context) }
  },
})

/** `redis({ url })` connects anew for each check; `redis({ client })` asks through the application's client. */
export const redis = withBorrowed(byAddress, 'client', byClient)
