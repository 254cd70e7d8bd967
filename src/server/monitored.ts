/** What routes read from. Nothing here contacts a dependency. */
import type { ExpositionResponse } from '../exposition/exposition.ts'
import type { Logger } from '../model/process.ts'
import type { Board } from '../views/board.ts'
import type { Probes } from '../views/probes.ts'
import type { StatusReport } from '../views/status.ts'

/** The part of a monitor that routes need. */
export interface Monitored {
  readonly probes: Probes
  /** Everything that is known, as of now. */
  status(): StatusReport
  /** The same for the page, with what has changed. */
  readonly board: Board
  /** The answer to a scrape with these request headers. */
  metrics(accept: string | undefined, acceptEncoding: string | undefined): Promise<ExpositionResponse>
  /** Receives faults of our own. */
  readonly logger: Pick<Logger, 'warn'>
}

export type ReloadOutcome =
  | { readonly ok: true }
  /** Nothing has changed. Each problem is one line, free of secrets. */
  | { readonly ok: false; readonly problems: readonly string[] }
