/** What all routes work with: the monitor that they read, and what a server shares among them. */
import type { ServerResponse } from 'node:http'
import type { ExpositionResponse } from '../../exposition/exposition.ts'
import type { Logger } from '../../model/logger.ts'
import type { Board } from '../../views/board.ts'
import type { Probes } from '../../views/probes.ts'
import type { StatusParts } from '../../views/status.ts'
import type { Access } from '../access/rules.ts'
import {
  createDeliveries,
  type Deliveries,
  type DeliveryLimits,
  defaultDeliveryLimits,
  reset,
} from '../http/deliveries.ts'
import { createFeed, type Feed, feedTimes } from '../page/feed.ts'
import { createProbeAnswers, type ProbeAnswers } from './probes.ts'

/** The part of a monitor that routes read. None of it contacts a dependency. */
export interface Monitored {
  readonly probes: Probes
  /** Returns everything that is known now. */
  statusParts(): StatusParts
  /** The same for the page, with what has changed. */
  readonly board: Board
  /** Returns the answer to a scrape with these request headers. */
  scrape(accept: string | undefined, acceptEncoding: string | undefined): Promise<ExpositionResponse>
  /** Receives our own faults. */
  readonly logger: Pick<Logger, 'warn'>
}

export type ReloadOutcome =
  | { readonly ok: true }
  /** Nothing has changed. Each problem is one line without secrets. */
  | { readonly ok: false; readonly problems: readonly string[] }

/** What a server shares with its routes. */
export interface Transport {
  readonly probes: ProbeAnswers
  readonly feed: Feed
  readonly deliveries: Deliveries
}

export interface RouteContext {
  readonly monitor: Monitored
  readonly access: Access
  readonly transport: Transport
}

/**
 * @param limits of large answers.
 * @param cut closes the connection of a response at once. Default: by a reset where possible.
 */
export function createTransport(
  { probes, board }: Monitored,
  limits: DeliveryLimits = defaultDeliveryLimits,
  cut: (response: ServerResponse) => void = reset,
): Transport {
  return {
    probes: createProbeAnswers(probes),
    feed: createFeed(board, feedTimes, cut),
    deliveries: createDeliveries(limits, cut),
  }
}
