/** File descriptors: what the system lets this process open. */
import { readFileSync } from 'node:fs'

/** The soft limit of open files, which Node raises to the hard one at its start; undefined where nobody says. */
export function openFileLimit(): number | undefined {
  try {
    return parseLimits(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return undefined
  }
}

/** @param text as proc(5) has it in `/proc/[pid]/limits`. */
export function parseLimits(text: string): number | undefined {
  const soft = /^Max open files\s+(\d+)\s/m.exec(text)?.[1]
  return soft === undefined ? undefined : Number(soft)
}
