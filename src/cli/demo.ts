/** `pulsecheck demo`: breaks real servers and shows what Pulsecheck sees. */
import { play } from '../demo/demo.ts'
import { openStage, type Stage } from '../demo/stage.ts'
import { ListenError } from '../server/http/listener.ts'
import { listenAddresses } from './config.ts'
import { Exit, exitCodes, signalCodes, takeOver } from './ending.ts'
import type { GlobalFlags } from './flags.ts'
import { createLogger } from './logger.ts'

interface DemoFlags {
  /** Duration of each act, in milliseconds. */
  readonly pace: number
  readonly once?: boolean
  readonly prometheus?: boolean
}

/**
 * Plays until a signal, and leaves no process, file or open port behind.
 *
 * @throws Exit 2 or 4 if `--web.listen-address` is not an address, or cannot be bound.
 */
export async function demo(options: DemoFlags, flags: GlobalFlags): Promise<void> {
  const { pace, once = false, prometheus = false } = options
  const listen = listenAddresses(flags)
  const logger = createLogger({ level: 'error', format: 'logfmt', stream: process.stderr })
  const stage = openStage()
  process.once('exit', stage.clearAtOnce)
  endOnSignals(stage)
  try {
    await play(stage, { paceMs: pace, once, prometheus, listen, logger })
  } catch (error) {
    if (error instanceof ListenError) throw new Exit(exitCodes.cannotListen, [error.message])
    if (!stage.over.aborted) throw error
  } finally {
    await stage.clear()
  }
  process.stdout.write('The demo is over. It left nothing behind.\n')
  process.exit(exitCodes.ok)
}

/** The first signal ends the demo in an orderly way, even during its start; the second one ends it at once. */
function endOnSignals(stage: Stage): void {
  for (const [signal, code] of Object.entries({ ...signalCodes, SIGHUP: 129 })) {
    takeOver(signal as NodeJS.Signals, () => {
      if (stage.over.aborted) process.exit(code)
      process.stdout.write('\nEnding ...\n')
      stage.end()
    })
  }
}
