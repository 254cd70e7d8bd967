/** How long and how much a client may take. The defaults are for clients that are near, and few: probes and scrapers. */
export interface Limits {
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
  /** Of one listener. The newcomer is served, and the oldest connection that waits for nothing goes. */
  readonly connections: number
}

export const defaultLimits: Limits = {
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
  connections: 1_000,
}
