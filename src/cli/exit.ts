/** Exit codes: what scripts and supervisors go by. */
export const exitCodes = {
  ok: 0,
  /** An error of ours, or a failed `check` or `wait`. */
  failed: 1,
  usage: 2,
  config: 3,
  cannotListen: 4,
} as const

/** Ends a command with a code, after one or several lines on standard error. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly code: number
  readonly lines: readonly string[]

  constructor(code: number, lines: readonly string[] = []) {
    super(lines.join('\n'))
    this.code = code
    this.lines = lines
  }
}
