/** How long and how much a client may take. The defaults are for clients that are near, and few: probes and scrapers. */
import { type DeliveryLimits, defaultDeliveryLimits } from './deliveries.ts'

export interface Limits extends DeliveryLimits {
  /** Until all headers of a request are in, from the connection or the answer before. */
  readonly headersMs: number
  /** Until a request is in, body included. */
  readonly requestMs: number
  /** Between two looks at the clock for the two above: they may end so much later. */
  readonly lookMs: number
  /** A TLS handshake. */
  readonly handshakeMs: number
  /** Without a byte in either direction. A reader that stops in the middle is noticed after up to twice as long. */
  readonly silenceMs: number
  /** From a request to the end of its answer: above any sensible scrape timeout. */
  readonly answerMs: number
  /** Between two requests on one connection. */
  readonly idleMs: number
  readonly headerBytes: number
  readonly headerCount: number
  readonly requestsPerConnection: number
  /** Answers that one connection may wait for; a client that sends more requests ahead is cut. */
  readonly pipelined: number
  /** Of all listeners. The newcomer is served, and one goes of the client that has the most. */
  readonly connections: number
  /** The same for the listeners of probes alone. */
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
 * The defaults for a process that may open so many files: clients get a quarter of them, and checks, which open sockets
 * too, have the rest.
 *
 * @param openFiles undefined where nobody knows.
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
