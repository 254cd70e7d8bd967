/** What is played: a fault as a value, and the scenes that hold the servers it happens to. */
import type { Reason, Status } from '../../src/dependency.ts'

/** What Pulsecheck must say while the fault lasts. */
export interface Verdict {
  readonly status: Status
  readonly reason?: Reason
  /** One detail, or several where the kernel or the server decides which. */
  readonly detail?: string | readonly string[]
}

/** One row of the catalogue. */
export interface Fault {
  /** The catalogue's number: `R1`. */
  readonly id: string
  /** What happens, in a few words. */
  readonly fault: string
  /** The dependency's own keys in the config; the settings of the play are added. */
  readonly dependency: Readonly<Record<string, unknown>>
  readonly verdict: Verdict
  readonly inject: () => Promise<void> | void
  readonly heal: () => Promise<void> | void
  /** How often it is played. Default: `PlayOptions.times`. */
  readonly times?: number
  /** Milliseconds that the fault itself needs to take effect, or the server to come back: added to the bounds, and told. */
  readonly delayMs?: { readonly inject?: number; readonly heal?: number }
}

/** A row that is not played here, and why. */
export interface Unplayed {
  readonly id: string
  readonly fault: string
  readonly why: string
}

export interface Scene {
  readonly faults: readonly Fault[]
  readonly unplayed?: readonly Unplayed[]
  close(): Promise<void>
}

/** How a scene is set up. `isolated` ones run in a network namespace of their own, in which only loopback is there. */
export interface SceneScript {
  readonly isolated?: boolean
  open(): Promise<Scene>
}
