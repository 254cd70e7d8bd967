/**
 * Redis: a fresh connection logs in and gets PONG; if asked for, the server also has the right role and takes a write.
 * One server, the master or a replica behind Sentinel, or a Cluster.
 */
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { defineKind } from '../../model/kind.ts'
import { type Address, type Client, converse, type Entry, ping } from './client.ts'
import { failures } from './failures.ts'
import { entry, type Options, options, server, target } from './options.ts'
import { askCluster, firstOf, locate, redirection, unexpected } from './topology.ts'

export const redis = defineKind({
  name: 'redis',
  schemes: ['redis', 'rediss'],
  options,
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
interface Demand extends Pick<Options, 'role' | 'masterLink' | 'writable' | 'writeKey'> {
  readonly entry: Entry
}

async function checkServer(server: Address, demand: Demand, context: CheckContext): Promise<void> {
  await converse(server, demand.entry, context, async client => {
    await ping(client)
    if (demand.role !== 'any') await checkRole(client, demand.role, demand, context)
    if (demand.writable) await write(client, demand.writeKey)
  })
}

/** ROLE is always asked: a Sentinel may be late (https://redis.io/docs/latest/develop/reference/sentinel-clients/, step 3). */
async function checkLocated(
  sentinel: NonNullable<Options['sentinel']>,
  demand: Demand,
  context: CheckContext,
): Promise<void> {
  const role = demand.role === 'replica' ? 'replica' : 'master'
  const servers = await locate({ ...sentinel, ipFamily: demand.entry.ipFamily }, role, context)
  await firstOf(servers, context, (server, context) => checkServer(server, { ...demand, role }, context))
}

async function checkCluster(nodes: readonly Address[], demand: Demand, context: CheckContext): Promise<void> {
  await firstOf(nodes, context, (node, context) =>
    converse(node, demand.entry, context, async client => {
      await askCluster(client)
      if (demand.writable) await writeToCluster(client, node, demand, context)
    }),
  )
}

/** Writes to the node that has the key's slot. One redirect is followed; a second one is the failure. */
async function writeToCluster(client: Client, asked: Address, demand: Demand, context: CheckContext) {
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

/**
 * A write that changes nothing, whatever the key holds: an empty text set into it (https://redis.io/docs/latest/commands/setrange/).
 * The server judges it before it looks at the key, and as a write that takes memory: READONLY, OOM, MISCONF and NOREPLICAS
 * all refuse it, where OOM lets DEL and EXPIRE pass. A key of another type is an answer to a write that was let in.
 */
async function write(client: Client, key: string): Promise<void> {
  try {
    await client.ask('SETRANGE', key, '0', '')
  } catch (error) {
    if (!(error instanceof CheckError && /^SETRANGE: WRONGTYPE /.test(error.message))) throw error
  }
}

/** The reply to ROLE: https://redis.io/docs/latest/commands/role/ */
async function checkRole(
  client: Client,
  wanted: 'master' | 'replica',
  { masterLink }: Demand,
  context: CheckContext,
): Promise<void> {
  const reply = await client.ask('ROLE')
  if (!Array.isArray(reply)) throw unexpected('the reply to ROLE')
  const [name, , replicas, link] = reply
  const role = name === 'slave' ? 'replica' : String(name)
  if (role !== wanted) throw wrongRole(wanted, role)
  if (role === 'master') {
    context.measure('connected_replicas', Array.isArray(replicas) ? replicas.length : 0)
  } else {
    context.measure('master_link_up', link === 'connected' ? 1 : 0)
    if (masterLink && link !== 'connected') throw unlinked(link)
  }
}

/** As the server itself calls it, where it is set to answer nothing without its master. */
function unlinked(link: unknown): CheckError {
  return new CheckError('unhealthy', 'MASTERDOWN', `the link to the master is down: ${link}`)
}

function wrongRole(wanted: string, role: string): CheckError {
  const detail = role === 'replica' ? 'read_only' : 'wrong_role'
  return new CheckError('unhealthy', detail, `the server has role ${role}, not ${wanted}`)
}
