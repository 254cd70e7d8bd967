/**
 * Redis: a fresh connection logs in and gets PONG; if asked for, the server also has the right role and takes a write.
 * One server, the master or a replica behind Sentinel, or a Cluster.
 */
import type { CheckContext } from '../../model/dependency.ts'
import { defineKind } from '../../model/kind.ts'
import { type Address, type Client, converse, type Entry } from './client.ts'
import { type Demand, examine, write } from './examine.ts'
import { failures } from './failures.ts'
import { entry, type Options, options, server, target } from './options.ts'
import { askCluster, firstOf, locate, redirection } from './topology.ts'

export const redis = defineKind({
  name: 'redis',
  schemes: ['redis', 'rediss'],
  options,
  example: { url: 'redis://cache.example:6379' },
  measurements: {
    connected_replicas: 'Replicas connected to the master, where its role is checked.',
    master_link_up: '1 if the replica is connected to its master, else 0, where its role is checked.',
  },
  failures,
  target,
  open(options) {
    const { cluster, sentinel } = options
    const demand = { ...options, entry: entry(options) }
    const single = server(options)
    return {
      async check(context) {
        if (cluster !== undefined) return await checkCluster(cluster.nodes, demand, context)
        if (sentinel !== undefined) return await checkLocated(sentinel, demand, context)
        return await checkServer(single, demand, context)
      },
    }
  },
})

/** What a server must show, and how to come in. */
interface Order extends Demand {
  readonly entry: Entry
}

async function checkServer(server: Address, demand: Order, context: CheckContext): Promise<void> {
  await converse(server, demand.entry, context, client => examine(client, demand, context))
}

/** ROLE is always asked: a Sentinel may be late (https://redis.io/docs/latest/develop/reference/sentinel-clients/, step 3). */
async function checkLocated(
  sentinel: NonNullable<Options['sentinel']>,
  demand: Order,
  context: CheckContext,
): Promise<void> {
  const role = demand.role === 'replica' ? 'replica' : 'master'
  const servers = await locate({ ...sentinel, ipFamily: demand.entry.ipFamily }, role, context)
  await firstOf(servers, context, (server, context) => checkServer(server, { ...demand, role }, context))
}

async function checkCluster(nodes: readonly Address[], demand: Order, context: CheckContext): Promise<void> {
  await firstOf(nodes, context, (node, context) =>
    converse(node, demand.entry, context, async client => {
      await askCluster(client)
      if (demand.writable) await writeToCluster(client, node, demand, context)
    }),
  )
}

/** Writes to the node that has the key's slot. One redirect is followed; a second one is the failure. */
async function writeToCluster(client: Client, asked: Address, demand: Order, context: CheckContext) {
  try {
    await write(client, demand.writeKey)
  } catch (error) {
    const redirected = redirection(error, asked)
    if (redirected === undefined) throw error
    await converse(redirected.node, demand.entry, context, async client => {
      if (redirected.asking) await client.ask('ASKING')
      await write(client, demand.writeKey)
    })
  }
}
