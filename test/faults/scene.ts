/** What is played: a fault as a value, and the scenes that hold the servers it happens to. */
import type { Status } from '../../src/model/dependency.ts'
import type { Reason } from '../../src/model/failure.ts'

/** What Pulsecheck must say while the fault lasts. */
export interface Verdict {
  readonly status: Status
  readonly reason?: Reason
  /** One detail, or several where the kernel or the server decides which. */
  readonly detail?: string | readonly string[]
}

/** The keys of a dependency in the config. */
export type Config = Readonly<Record<string, unknown>>

/** One row of the catalogue. */
export interface Fault {
  /** The catalogue's number: `R1`. */
  readonly id: string
  /** What happens, in a few words. */
  readonly fault: string
  /** The dependency's own keys in the config; the settings of the play are added. */
  readonly dependency: Config
  readonly verdict: Verdict
  readonly inject: () => Promise<void> | void
  readonly heal: () => Promise<void> | void
  /** The healthy dependency beside it, which must notice nothing. Default: a TCP server, by its address. */
  readonly bystander?: Config
  /** Further dependencies of the same program, which are not judged. */
  readonly beside?: Readonly<Record<string, Config>>
  /** How often it is played. Default: as often as the run says. */
  readonly times?: number
  /** Milliseconds that the fault itself needs to take effect, or the server to come back: added to the bounds, and told. */
  readonly delayMs?: { readonly inject?: number; readonly heal?: number }
}

/** A row that is not played here: why, or which tests hold it. */
export interface Unplayed {
  /** One id, or several: `S1, S2`. */
  readonly id: string
  readonly fault: string
  /** What Pulsecheck does, or why there is nothing to play. */
  readonly why: string
  /** Tests of the suite: the file, a colon, and words of the test's own name. */
  readonly heldBy?: readonly string[]
}

export interface Scene {
  readonly faults: readonly Fault[]
  close(): Promise<void>
}

/** How a scene is set up. */
export interface SceneScript {
  /** Runs in a network and a mount namespace of its own, in which only loopback is there. */
  readonly isolated?: boolean
  readonly unplayed?: readonly Unplayed[]
  open(): Promise<Scene>
}
