/** What is asked of a Redis server after login, whoever owns the connection. */
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { type Client, ping } from './client.ts'
import type { Options } from './options.ts'
import { unexpected } from './topology.ts'

/** What is required of a server. */
export type Demand = Pick<Options, 'role' | 'masterLink' | 'writable' | 'writeKey'>

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
export async function probeWrite(client: Client, key: string): Promise<void> {
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
