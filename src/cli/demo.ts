/** `pulsecheck demo`: real servers, real troubles, and Pulsecheck on them, with one command. */
import { play } from '../demo/demo.ts'
import { openStage, type Stage } from '../demo/stage.ts'
import { ListenError } from '../server/index.ts'
import { listenAddresses } from './config.ts'
import { Exit, exitCodes } from './exit.ts'
import type { GlobalFlags } from './flags.ts'
import { signalCodes, takeOver } from './interrupt.ts'
import { createLogger } from './logger.ts'

export interface DemoFlags {
  /** How long each act stays, in milliseconds. */
  readonly pace: number
  readonly once?: boolean
}

/**
 * Plays until a signal, and leaves nothing behind: no process, no file, no port.
 *
 * @throws Exit 2 or 4 if `--web.listen-address` is no address, or cannot be bound.
 */
export async function demo({ pace, once = false }: DemoFlags, flags: GlobalFlags): Promise<void> {
  const listen = listenAddresses(flags)
  const logger = createLogger({ level: 'error', format: 'logfmt', stream: process.stderr })
  const stage = openStage()
  process.once('exit', stage.clearAtOnce)
  endOnSignals(stage)
  try {
    await play(stage, { paceMs: pace, once, listen, logger })
  } catch (error) {
    if (error instanceof ListenError) throw new Exit(exitCodes.cannotListen, [error.message])
    if (!stage.over.aborted) throw error
  } finally {
    await stage.clear()
  }
  process.stdout.write('The demo is over. It left nothing behind.\n')
  process.exit(exitCodes.ok)
}

/** The first signal ends the demo in order, even while it starts; the second one ends it at once. */
function endOnSignals(stage: Stage): void {
  for (const [signal, code] of Object.entries({ ...signalCodes, SIGHUP: 129 })) {
    takeOver(signal as NodeJS.Signals, () => {
      if (stage.over.aborted) process.exit(code)
      process.stdout.write('\nEnding ...\n')
      stage.end()
    })
  }
}
