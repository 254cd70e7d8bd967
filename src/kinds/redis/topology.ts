/**
 * Sentinel and Cluster, asked through the same short-lived client as a single server. The driver's own support for them is
 * not used: it pools, retries, refreshes in the background and follows up to 16 redirects, whereas a check needs a known
 * number of fresh connections.
 */
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import type { Endpoint } from '../shared/options.ts'
import { type Client, converse, type Login, ping } from './client.ts'

/** All hash slots of a cluster: the Redis cluster specification, "key distribution model". */
const slots = 16_384
/** The most replicas that one check tries. */
const maxReplicas = 8

/**
 * Asks several nodes in turn and returns the first answer. When a node stays silent for its share of the deadline, the
 * next one is asked beside it, and the silent one is not given up: a share that expired while our own process was stalled
 * must not fail the check. There is at most one conversation per node, and all have ended when this settles.
 *
 * @throws once all have failed, the failure of a node that did answer, or else that of the first node. If other nodes stay
 * silent until the deadline, the failure of one that answered is presumed.
 */
export async function askInTurn<T>(
  nodes: readonly Endpoint[],
  context: CheckContext,
  ask: (node: Endpoint, context: CheckContext) => Promise<T>,
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

/** Whether a node has answered, even if with nonsense. */
function isAnswer(error: unknown): error is CheckError {
  return error instanceof CheckError && error.reason !== 'connection_error'
}

interface Sentinel extends Login {
  readonly name: string
  readonly nodes: readonly Endpoint[]
}

/** Asks Sentinel for the master of a group, or for the replicas that it considers alive. */
export async function findServers(
  sentinel: Sentinel,
  role: 'master' | 'replica',
  context: CheckContext,
): Promise<readonly Endpoint[]> {
  const find = role === 'master' ? findMaster : findReplicas
  return await askInTurn(sentinel.nodes, context, (node, context) =>
    converse(node, sentinel, context, client => find(client, sentinel.name)),
  )
}

async function findMaster(client: Client, name: string): Promise<readonly Endpoint[]> {
  const reply = await client.ask('SENTINEL', 'get-master-addr-by-name', name)
  if (reply === null) throw missing('the sentinel knows no master of this name')
  const [host, port] = readTexts(reply)
  return [readEndpoint(host, port)]
}

async function findReplicas(client: Client, name: string): Promise<readonly Endpoint[]> {
  const replicas = readList(await client.ask('SENTINEL', 'replicas', name)).map(readFields)
  const alive = replicas.filter(each => !/down|disconnected/.test(each.get('flags') ?? ''))
  if (alive.length === 0) throw missing('the sentinel knows no live replica')
  return alive.slice(0, maxReplicas).map(each => readEndpoint(each.get('ip'), each.get('port')))
}

/** Asks one node whether all slots of the cluster are served, and whether the node itself answers. */
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

/** Reads where a cluster redirects a command from the message of its refusal. An empty host means the node that was asked. */
export function readRedirect(
  error: unknown,
  asked: Endpoint,
): { node: Endpoint; asking: boolean } | undefined {
  if (!(error instanceof CheckError)) return undefined
  const [, kind, host, port] = /: (MOVED|ASK) \d+ (\S*):(\d+)$/.exec(error.message) ?? []
  if (kind === undefined) return undefined
  const sameHost = host === '' || host === '?'
  return { node: readEndpoint(sameHost ? asked.host : host, port), asking: kind === 'ASK' }
}

function readEndpoint(host: string | undefined, port: string | undefined): Endpoint {
  const number = Number(port)
  if (!host || !Number.isInteger(number) || number < 1 || number > 65_535) throw unexpected('the address')
  return { host, port: number }
}

/** Reads an array of alternating names and values. */
function readFields(reply: unknown): ReadonlyMap<string, string> {
  const flat = readTexts(reply)
  return new Map(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ''] as const] : [])))
}

function readTexts(reply: unknown): readonly string[] {
  return readList(reply).map(String)
}

function readList(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw unexpected('the reply')
  return reply
}

function missing(message: string): CheckError {
  return new CheckError('unhealthy', 'no_such_object', message)
}

/** The failure of a reply that is valid RESP but not of the right shape. */
export function unexpected(what: string): CheckError {
  return new CheckError('protocol_error', 'protocol_error', `${what} is not what a Redis server sends`)
}
