/**
 * Redis: a fresh connection logs in and gets PONG. Optionally, the server must have a certain role or accept writes. Checks
 * one server, the master or a replica behind Sentinel, or a Cluster.
 */
import { defineKind } from '../../model/kind.ts'
import { failures } from './failures.ts'
import { options, targetOf } from './options.ts'

export const redis = defineKind({
  name: 'redis',
  schemes: ['redis', 'rediss'],
  options,
  example: { url: 'redis://cache.example:6379' },
  measurements: {
    connected_replicas: 'Replicas connected to the master, if its role is checked.',
    master_link_up: '1 if the replica is connected to its master, otherwise 0, if its role is checked.',
  },
  failures,
  target: targetOf,
  open(options) {
    const check = import('./check.ts').then(({ createCheck }) => createCheck(options))
    return { check: async context => (await check)(context) }
  },
})
