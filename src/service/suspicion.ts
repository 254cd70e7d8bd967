/** What makes a valid config look like half of one. Pure. */
import type { Config } from '../config/index.ts'

/** Fewer dependencies than this may go at once. */
const guardedCount = 4

/**
 * Why a config should not replace the running one unless that is meant; undefined if nothing speaks against it. A writer
 * that stops half-way, on a full disk for example, leaves a file at rest that often still is valid.
 */
export function findSuspicion(running: Config, next: Config): string | undefined {
  const [before, after] = [running.dependencies.length, next.dependencies.length]
  if (before >= guardedCount && 2 * after < before)
    return `would remove ${before - after} of ${before} dependencies`
  const isCut = isCutWithinLine(next.text?.reveal() ?? '', running.text?.reveal() ?? '')
  return isCut ? 'is the running config, cut off within a line' : undefined
}

/** Whole lines may be taken off the end on purpose; a part of one hardly ever is. */
function isCutWithinLine(text: string, whole: string): boolean {
  return (
    text.length < whole.length &&
    !/[\r\n]$/.test(text) &&
    /[^\r\n]/.test(whole[text.length] ?? '\n') &&
    whole.startsWith(text)
  )
}

/** Whether the last line has no end, although the running config's has: not wrong, but how a cut file looks. */
export function lacksLastNewline(running: Config, next: Config): boolean {
  const endsInNewline = ({ text }: Config) => /[\r\n]$/.test(text?.reveal() ?? '\n')
  return endsInNewline(running) && !endsInNewline(next)
}
