/** The program, what it checks and those who measure must not wait for the processor behind those who attack, or neighbours. */
import { setPriority } from 'node:os'

/** Needs a right; without it nothing changes. */
export function raisePriority(pid = 0): void {
  try {
    setPriority(pid, -10)
  } catch {
    // Measured from where we are.
  }
}
