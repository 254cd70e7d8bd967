/** `pulsecheck demo`: real servers, real troubles, and the exporter on them, with one command and nothing at hand. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kinds } from '../kinds/index.ts'
import { ListenError } from '../server/index.ts'
import { type Service, type ServiceOptions, startService } from '../service.ts'
import { configOf, gather, introduction } from './demo-cast.ts'
import { playRound, playWell, tellChanges } from './demo-script.ts'
import { openStage, type Stage } from './demo-stage.ts'
import { Exit, exitCodes } from './exit.ts'
import type { GlobalFlags } from './flags.ts'
import { signalCodes } from './interrupt.ts'
import { listenAddresses } from './listen.ts'
import { createLogger } from './logger.ts'

export interface DemoOptions {
  /** How long each act stays, in milliseconds. */
  readonly pace: number
  /** Ends after one round. */
  readonly once?: boolean
}

/** Requests under way get this long at the end, in milliseconds. */
const closingMs = 500

/**
 * Plays until a signal, and leaves nothing behind: no process, no file, no port.
 *
 * @throws Exit 2 or 4 if `--web.listen-address` is no address, or cannot be bound.
 */
export async function demo(options: DemoOptions, flags: GlobalFlags): Promise<void> {
  const listen = listenAddresses(flags)
  const stage = openStage()
  process.once('exit', stage.clearAtOnce)
  endWith(stage)
  try {
    await play(stage, options, listen)
  } catch (error) {
    if (error instanceof ListenError) throw new Exit(exitCodes.cannotListen, [error.message])
    if (!stage.over.aborted) throw error
  } finally {
    await stage.clear()
  }
  process.stdout.write('The demo is over; nothing is left of it.\n')
  process.exit(exitCodes.ok)
}

/** The first signal ends the play in order, also while it starts; the second one at once. */
function endWith(stage: Stage): void {
  for (const [signal, code] of Object.entries({ ...signalCodes, SIGHUP: 129 })) {
    process.on(signal, () => {
      if (stage.over.aborted) process.exit(code)
      process.stdout.write('\nEnding ...\n')
      stage.end()
    })
  }
}

async function play(
  stage: Stage,
  { pace, once }: DemoOptions,
  listen: ServiceOptions['listen'],
): Promise<void> {
  process.stdout.write('Starting a PostgreSQL, a Redis and an HTTP service ...\n')
  const intervalMs = Math.round(Math.min(1_000, Math.max(200, pace / 10)))
  const actors = await gather(stage, 2 * intervalMs)
  stage.over.throwIfAborted()
  const service = await openService(stage, configOf(actors, intervalMs), listen)
  process.stdout.write(introduction(actors, service))
  tellChanges(service.monitor)
  const scene = { actors, monitor: service.monitor, paceMs: pace, over: stage.over }
  await playWell(scene)
  do await playRound(scene)
  while (once !== true)
}

/** On the usual port if it is free, else on any. The config is a file as everybody's: JSON is YAML. */
async function openService(stage: Stage, config: object, listen: ServiceOptions['listen']): Promise<Service> {
  const configFile = join(stage.folder, 'pulsecheck.yml')
  writeFileSync(configFile, JSON.stringify(config, null, 2), { mode: 0o600 })
  const logger = createLogger({ level: 'error', format: 'logfmt', stream: process.stderr })
  const open = (listen: ServiceOptions['listen'] & {}) =>
    startService({ configFile, env: {}, kinds, logger, listen })
  const usual = (port: number) => [{ host: '127.0.0.1', port }]
  const service =
    listen === undefined
      ? await open(usual(9797)).catch(error => {
          if (error instanceof ListenError) return open(usual(0))
          throw error
        })
      : await open(listen)
  stage.defer(() => Promise.race([service.stop(), sleep(closingMs)]))
  return service
}
