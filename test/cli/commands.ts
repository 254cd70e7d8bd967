/** Runs commands of the real program to their end; every process and folder is gone after the test. */
import { onTestFinished } from 'vitest'
import { launch, type ProgramOptions, type Running } from '../support/program.ts'

/** Starts a command. */
export function start(options: ProgramOptions): Running {
  const running = launch(options)
  onTestFinished(running.remove)
  return running
}

/** A command's exit code and all that it wrote. */
export async function result(
  options: ProgramOptions,
): Promise<{ code: number | NodeJS.Signals; stdout: string; stderr: string }> {
  const { ended, output } = start(options)
  return { code: await ended, ...output() }
}
