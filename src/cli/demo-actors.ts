/** Who plays in the demo. */

/** What stands behind a dependency of the demo. */
export interface Presence {
  /** In a few words: `PostgreSQL 18.4`. */
  readonly what: string
  /** The trouble that it can have; an absent one has none. */
  readonly trouble?: Trouble
  /** It is absent, and its dependency down: the command that would install it, or what went wrong. */
  readonly remedy?: string
}

export interface Trouble {
  /** What happens, in one line. */
  readonly act: string
  begin(): void
  end(): void
}

/** One dependency of the demo. */
export interface Actor extends Presence {
  readonly name: string
  /** Its own keys in the config. */
  readonly config: { readonly kind: string; readonly [key: string]: unknown }
}
