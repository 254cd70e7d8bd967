/** One check of Redis. The driver comes with this file, which is loaded when a dependency of the kind is opened. */
import type { CheckContext } from '../../model/dependency.ts'
import type { Endpoint } from '../shared/options.ts'
import { type Client, converse, type Login } from './client.ts'
import { type Demand, examine, probeWrite } from './examine.ts'
import { loginOf, type Options, serverOf } from './options.ts'
import { askCluster, askInTurn, findServers, readRedirect } from './topology.ts'

/** A check with these options, as often as it is called. */
export function createCheck(options: Options): (context: CheckContext) => Promise<void> {
  const { cluster, sentinel } = options
  const demand = { ...options, login: loginOf(options) }
  const server = serverOf(options)
  return async context => {
    if (cluster !== undefined) return await checkCluster(cluster.nodes, demand, context)
    if (sentinel !== undefined) return await checkBehindSentinel(sentinel, demand, context)
    return await checkServer(server, demand, context)
  }
}

/** What is required of a server, and how to log in. */
interface Order extends Demand {
  readonly login: Login
}

async function checkServer(server: Endpoint, demand: Order, context: CheckContext): Promise<void> {
  await converse(server, demand.login, context, client => examine(client, demand, context))
}

/** Always asks for ROLE: a Sentinel may be out of date (https://redis.io/docs/latest/develop/reference/sentinel-clients/, step 3). */
async function checkBehindSentinel(
  sentinel: NonNullable<Options['sentinel']>,
  demand: Order,
  context: CheckContext,
): Promise<void> {
  const role = demand.role === 'replica' ? 'replica' : 'master'
  const servers = await findServers({ ...sentinel, ipFamily: demand.login.ipFamily }, role, context)
  await askInTurn(servers, context, (server, context) => checkServer(server, { ...demand, role }, context))
}

async function checkCluster(nodes: readonly Endpoint[], demand: Order, context: CheckContext): Promise<void> {
  await askInTurn(nodes, context, (node, context) =>
    converse(node, demand.login, context, async client => {
      await askCluster(client)
      if (demand.writable) await writeToCluster(client, node, demand, context)
    }),
  )
}

/** Writes to the node that owns the key's slot. Follows one redirect; a second one is the failure. */
async function writeToCluster(client: Client, asked: Endpoint, demand: Order, context: CheckContext) {
  try {
    await probeWrite(client, demand.writeKey)
  } catch (error) {
    const redirect = readRedirect(error, asked)
    if (redirect === undefined) throw error
    await converse(redirect.node, demand.login, context, async client => {
      if (redirect.asking) await client.ask('ASKING')
      await probeWrite(client, demand.writeKey)
    })
  }
}
