/**
 * One check of Redis, over a fresh connection or through the application's own client, which is never closed. The
 * driver comes with this file, which is loaded when a dependency of the kind is opened.
 */
import { type CheckContext, CheckError, type Checker } from '../../model/dependency.ts'
import { untilAborted } from '../../model/turns.ts'
import { type Check, checkBothWays, type RedisClient } from '../shared/borrowed.ts'
import type { Endpoint } from '../shared/options.ts'
import { type ClientOptions, isCluster } from './borrowed.ts'
import { type Client, clientOf, converse, type Login, ping } from './client.ts'
import { loginOf, type Options, serverOf } from './options.ts'
import { askCluster, askInTurn, findServers, readRedirect, unexpected } from './topology.ts'

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

/** What is required of a server. */
type Demand = Pick<Options, 'role' | 'masterLink' | 'writable' | 'writeKey'>

/** Asks for PONG and, if required, for the role and a write. */
export async function examine(client: Client, demand: Demand, context: CheckContext): Promise<void> {
  await ping(client)
  if (demand.role !== 'any') await checkRole(client, demand.role, demand, context)
  if (demand.writable) await probeWrite(client, demand.writeKey)
}

/**
 * Sends a write that changes nothing, whatever the key holds: it overwrites nothing with an empty string
 * (https://redis.io/docs/latest/commands/setrange/). The server judges it before it looks at the key, and as a write that
 * needs memory: READONLY, OOM, MISCONF and NOREPLICAS all refuse it, whereas DEL and EXPIRE pass despite OOM. If the key
 * is of another type, the write was accepted all the same.
 */
async function probeWrite(client: Client, key: string): Promise<void> {
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

/** Uses the server's own word, which it sends when it is set to answer nothing without its master. */
function unlinked(link: unknown): CheckError {
  return new CheckError('unhealthy', 'MASTERDOWN', `the link to the master is down: ${link}`)
}

function wrongRole(wanted: string, role: string): CheckError {
  const detail = role === 'replica' ? 'read_only' : 'wrong_role'
  return new CheckError('unhealthy', detail, `the server has role ${role}, not ${wanted}`)
}

/** @param fresh checks over a fresh connection, if that is wanted. */
export function openClient({ client, ...demand }: ClientOptions, fresh: Check | undefined): Checker {
  // At most one command is in the client's queue, however long it remains unanswered.
  let unanswered: Promise<unknown> | undefined
  const viaClient: Check = async context => {
    refuseDisconnected(client)
    context.enter('request')
    if (unanswered !== undefined) await untilAborted(unanswered, context.signal)
    const asked = ask(client, demand, context).finally(() => {
      unanswered = undefined
    })
    unanswered = asked.catch(() => {})
    await untilAborted(asked, context.signal)
  }
  return {
    check: async context =>
      fresh === undefined ? await viaClient(context) : await checkBothWays(fresh, viaClient, context),
  }
}

async function ask(client: RedisClient, demand: Demand, context: CheckContext): Promise<void> {
  const { signal } = context
  const driver = clientOf(client)
  const patient: typeof driver = {
    async ask(...command) {
      signal.throwIfAborted()
      return await driver.ask(...command)
    },
  }
  if (!isCluster(client)) return await examine(patient, demand, context)
  await askCluster(patient)
  if (demand.writable) await probeWrite(patient, demand.writeKey)
}

/** In these states, a client would queue the command until it is connected again, which is too late. */
const lost = new Set(['reconnecting', 'close', 'disconnecting', 'end'])

function refuseDisconnected({ status }: RedisClient): void {
  if (!lost.has(status)) return
  const message = `the application's client has no connection (status ${status})`
  throw new CheckError('connection_error', 'client_disconnected', message)
}
