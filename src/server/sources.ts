/** What the routes read from; handed in by the wiring. Nothing here asks a dependency. */
import type { ExpositionResponse } from '../exposition/exposition.ts'
import type { Board } from '../views/board.ts'
import type { Probes } from '../views/probes.ts'
import type { StatusReport } from '../views/status.ts'
import type { Logger } from './logger.ts'

export interface Sources {
  readonly probes: Probes
  /** All that is known, as of now. */
  readonly status: () => StatusReport
  /** The same for the page, with what has changed. */
  readonly board: Board
  /** One scrape: `Exposition.respond`. */
  readonly metrics: (
    accept: string | undefined,
    acceptEncoding: string | undefined,
  ) => Promise<ExpositionResponse>
  /** The running configuration, secrets already hidden. Without it there is no `/config`. */
  readonly config?: () => unknown
  /** Reloads the configuration. Present only where operators enabled it; without it there is no `/-/reload`. */
  readonly reload?: () => Promise<ReloadOutcome>
  /** Told of faults of our own. Default: nobody. */
  readonly logger?: Logger
}

export type ReloadOutcome =
  | { readonly ok: true }
  /** Nothing was changed. The problems are one line each, free of secrets. */
  | { readonly ok: false; readonly problems: readonly string[] }
