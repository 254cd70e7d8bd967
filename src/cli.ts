/** The door for operators: arguments in, exit code out. */
import { CommanderError } from 'commander'
import { type EarlySignals, Exit, exitCodes, failOnLostOutput, readableStack } from './cli/ending.ts'
import { createProgram } from './cli/program.ts'

/** Runs the command that the arguments name. @param early the signals that the launcher received before. */
export async function main(early: EarlySignals): Promise<void> {
  failOnLostOutput(process)
  try {
    await createProgram(early).parseAsync()
  } catch (error) {
    process.exitCode = codeOf(error) || (process.exitCode ?? exitCodes.ok)
  }
}

/** Returns the exit code, after printing what has not been printed yet. */
function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (error instanceof Exit) {
    for (const line of error.lines) process.stderr.write(`${line}\n`)
    return error.code
  }
  process.stderr.write(`internal error: ${readableStack(error)}\n`)
  return exitCodes.failed
}
