/** The demo: real servers, real troubles, and Pulsecheck on them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kinds } from '../kinds/index.ts'
import { ListenError } from '../server/index.ts'
import { type Service, type ServiceOptions, startService } from '../service.ts'
import { gatherActors, introduce, writeConfig } from './cast.ts'
import { playOpening, playRound, printChanges } from './script.ts'
import type { Stage } from './stage.ts'

export interface DemoOptions {
  /** How long each act stays, in milliseconds. */
  readonly paceMs: number
  /** Ends after one round. */
  readonly once: boolean
  /** Where to listen. Default: port 9797 of loopback if it is free, else any. */
  readonly listen: ServiceOptions['listen']
  readonly logger: ServiceOptions['logger']
}

/** Requests in progress get this long at the end, in milliseconds. */
const closingMs = 500

/**
 * Plays until the stage ends.
 *
 * @throws ListenError if the address cannot be bound; AbortError when the stage ends.
 */
export async function play(stage: Stage, options: DemoOptions): Promise<void> {
  const { paceMs, once } = options
  process.stdout.write('Starting PostgreSQL, Redis and an HTTP service ...\n')
  const intervalMs = Math.round(Math.min(1_000, Math.max(500, paceMs / 10)))
  const actors = await gatherActors(stage, 2 * intervalMs)
  stage.over.throwIfAborted()
  const service = await openService(stage, writeConfig(actors, intervalMs), options)
  process.stdout.write(introduce(actors, service))
  printChanges(service.monitor)
  const scene = { actors, monitor: service.monitor, paceMs, over: stage.over }
  await playOpening(scene)
  do await playRound(scene)
  while (!once)
}

/** The config is a file, as everybody's: JSON is YAML. */
async function openService(stage: Stage, config: object, { listen, logger }: DemoOptions): Promise<Service> {
  const configFile = join(stage.folder, 'pulsecheck.yml')
  writeFileSync(configFile, JSON.stringify(config, null, 2), { mode: 0o600 })
  const open = (listen: ServiceOptions['listen'] & {}) =>
    startService({ configFile, env: {}, kinds, logger, listen })
  const loopback = (port: number) => [{ host: '127.0.0.1', port }]
  const openUsual = () =>
    open(loopback(9797)).catch(error => {
      if (error instanceof ListenError) return open(loopback(0))
      throw error
    })
  const service = listen === undefined ? await openUsual() : await open(listen)
  stage.defer(() => Promise.race([service.stop(), sleep(closingMs)]))
  return service
}
