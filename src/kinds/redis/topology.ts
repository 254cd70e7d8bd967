/**
 * Sentinel and Cluster, asked through the same short-lived client as a single server. The driver's own Sentinel and
 * Cluster machinery is not used: it pools, retries, refreshes in the background and follows up to 16 redirects, where a
 * check needs fresh connections whose number it knows.
 */
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { type Address, type Client, converse, type Entry, ping } from './client.ts'

/** All hash slots of a cluster: the Redis cluster specification, "key distribution model". */
const slots = 16_384
/** More replicas than these are not tried within one check. */
const maxReplicas = 8

/**
 * The first answer that one of several nodes gives. They are asked in turn; a node that keeps silent for its share of
 * the deadline is not given up, but the next is asked beside it: a share that expired in a stall of our own must not
 * fail the check. At most one conversation a node, and all are over when this settles.
 *
 * @throws the failure of a node that did answer, or else that of the first node, once all have failed. If others keep
 * silent until the deadline, it stands for that failure too.
 */
export async function firstOf<T>(
  nodes: readonly Address[],
  context: CheckContext,
  ask: (node: Address, context: CheckContext) => Promise<T>,
): Promise<T> {
  const { signal } = context
  const controller = new AbortController()
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const shareMs = context.timeoutMs / (nodes.length + 1)
  const waiting = nodes.slice()
  const failures: unknown[] = []
  let timer: NodeJS.Timeout | undefined
  const next = () => {
    clearTimeout(timer)
    const node = waiting.shift()
    if (node === undefined || controller.signal.aborted) return
    timer = setTimeout(next, shareMs)
    ask(node, { ...context, signal: controller.signal }).then(resolve, failed)
  }
  const failed = (error: unknown) => {
    if (controller.signal.aborted) return
    failures.push(error)
    context.presume(failures.find(isAnswer))
    if (failures.length === nodes.length) reject(failures.find(isAnswer) ?? failures[0])
    else next()
  }
  const abort = () => {
    controller.abort()
    reject(signal.reason)
  }
  signal.addEventListener('abort', abort)
  try {
    if (signal.aborted) abort()
    next()
    const answer = await promise
    context.presume(undefined)
    return answer
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    controller.abort()
  }
}

/** Whether a node has said something, be it nonsense. */
function isAnswer(error: unknown): error is CheckError {
  return error instanceof CheckError && error.reason !== 'connection_error'
}

export interface Sentinel extends Entry {
  readonly name: string
  readonly nodes: readonly Address[]
}

/** The master of a Sentinel's group, or its replicas that the Sentinel thinks alive. */
export async function locate(
  sentinel: Sentinel,
  role: 'master' | 'replica',
  context: CheckContext,
): Promise<readonly Address[]> {
  const look = role === 'master' ? masterOf : replicasOf
  return await firstOf(sentinel.nodes, context, (node, context) =>
    converse(node, sentinel, context, client => look(client, sentinel.name)),
  )
}

async function masterOf(client: Client, name: string): Promise<readonly Address[]> {
  const reply = await client.ask('SENTINEL', 'get-master-addr-by-name', name)
  if (reply === null) throw missing('no master of this name is known to the sentinel')
  const [host, port] = texts(reply)
  return [address(host, port)]
}

async function replicasOf(client: Client, name: string): Promise<readonly Address[]> {
  const replicas = list(await client.ask('SENTINEL', 'replicas', name)).map(fields)
  const alive = replicas.filter(each => !/down|disconnected/.test(each.get('flags') ?? ''))
  if (alive.length === 0) throw missing('the sentinel knows no replica that is alive')
  return alive.slice(0, maxReplicas).map(each => address(each.get('ip'), each.get('port')))
}

/** Asks one node whether the whole cluster is served, and whether the node itself answers. */
export async function askCluster(client: Client): Promise<void> {
  const info = String(await client.ask('CLUSTER', 'INFO'))
  const value = (key: string) => new RegExp(`^${key}:(\\w+)\\r?$`, 'm').exec(info)?.[1]
  const [state, covered] = [value('cluster_state'), value('cluster_slots_ok')]
  if (state === undefined || covered === undefined) throw unexpected('CLUSTER INFO')
  if (state !== 'ok' || Number(covered) !== slots)
    throw new CheckError(
      'unhealthy',
      'not_ready',
      `the cluster is in state ${state === 'ok' ? 'ok' : 'fail'} with ${Number(covered)} of ${slots} slots served`,
    )
  await ping(client)
}

/** Where a cluster sends a command, out of the message of its refusal; an empty host means the node that was asked. */
export function redirection(error: unknown, asked: Address): { node: Address; asking: boolean } | undefined {
  if (!(error instanceof CheckError)) return undefined
  const [, kind, host, port] = /: (MOVED|ASK) \d+ (\S*):(\d+)$/.exec(error.message) ?? []
  if (kind === undefined) return undefined
  const sameHost = host === '' || host === '?'
  return { node: address(sameHost ? asked.host : host, port), asking: kind === 'ASK' }
}

function address(host: string | undefined, port: string | undefined): Address {
  const number = Number(port)
  if (!host || !Number.isInteger(number) || number < 1 || number > 65_535) throw unexpected('the address')
  return { host, port: number }
}

/** An array of names and values in turn. */
function fields(reply: unknown): ReadonlyMap<string, string> {
  const flat = texts(reply)
  return new Map(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ''] as const] : [])))
}

function texts(reply: unknown): readonly string[] {
  return list(reply).map(String)
}

function list(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw unexpected('the reply')
  return reply
}

function missing(message: string): CheckError {
  return new CheckError('unhealthy', 'no_such_object', message)
}

/** A reply of the right grammar and the wrong shape. */
export function unexpected(what: string): CheckError {
  return new CheckError('protocol_error', 'protocol_error', `${what} is not what a Redis server would say`)
}
