/** How long and how much a client may take. The defaults suit probes and scrapers, which are few and near. */
import { readFileSync } from 'node:fs'
import { type DeliveryLimits, defaultDeliveryLimits } from './deliveries.ts'

export interface Limits extends DeliveryLimits {
  /** From the start of the connection, or from the previous answer, until all headers of a request have arrived. */
  readonly headersMs: number
  /** The same until the request is complete, with its body. */
  readonly requestMs: number
  /** How often the two limits above are enforced: a request may exceed them by this much. */
  readonly lookMs: number
  /** A TLS handshake. */
  readonly handshakeMs: number
  /** Without a byte in either direction. A reader that stops halfway is noticed after up to twice as long. */
  readonly silenceMs: number
  /** From a request to the end of its answer. Longer than any sensible scrape timeout. */
  readonly answerMs: number
  /** Between two requests on one connection. */
  readonly idleMs: number
  readonly headerBytes: number
  readonly headerCount: number
  readonly requestsPerConnection: number
  /** Unanswered requests of one connection. A client that sends more ahead is cut. */
  readonly pipelined: number
  /** Of all listeners together. A new connection is always served: one of the client with the most makes room for it. */
  readonly connections: number
  /** The same for the listeners that serve only probes. */
  readonly probeConnections: number
}

export const defaultLimits: Limits = {
  ...defaultDeliveryLimits,
  headersMs: 4_000,
  requestMs: 5_000,
  lookMs: 500,
  handshakeMs: 4_000,
  silenceMs: 4_000,
  answerMs: 30_000,
  idleMs: 5_000,
  headerBytes: 8_192,
  headerCount: 64,
  requestsPerConnection: 10_000,
  pipelined: 16,
  connections: 1_000,
  probeConnections: 100,
}

/**
 * The defaults, reduced for a process that may open only this many files: clients get a quarter of them, and the rest is
 * left to the checks, which open sockets too.
 *
 * @param openFiles undefined where it is not known.
 */
export function limitsWithin(openFiles: number | undefined): Limits {
  const share = Math.floor((openFiles ?? Number.POSITIVE_INFINITY) / 4)
  const connections = Math.max(16, Math.min(defaultLimits.connections, share))
  return {
    ...defaultLimits,
    connections,
    probeConnections: Math.min(defaultLimits.probeConnections, Math.max(16, Math.floor(share / 4))),
    deliveries: Math.min(defaultLimits.deliveries, Math.floor(connections / 2)),
  }
}

/**
 * Reads the soft limit of open files, which Node raises to the hard one when it starts.
 *
 * @returns undefined on systems without `/proc`.
 */
export function readOpenFileLimit(): number | undefined {
  try {
    return parseOpenFileLimit(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return undefined
  }
}

/** @param text of `/proc/[pid]/limits`, as in proc(5). */
export function parseOpenFileLimit(text: string): number | undefined {
  const soft = /^Max open files\s+(\d+)\s/m.exec(text)?.[1]
  return soft === undefined ? undefined : Number(soft)
}
