/** `pulsecheck run`: the service, its signals, its memory and its shutdown. */

import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Logger } from 'pino'
import { ListenError } from '../server/http/listener.ts'
import { ConfigError } from '../service/sources.ts'
import { type Service, type ServiceOptions, startService } from '../service.ts'
import { configFile, listenAddresses, loadKinds, telemetryPath, validate } from './config.ts'
import {
  type EarlySignals,
  Exit,
  endAtOnce,
  exitCodes,
  readableStack,
  signalCodes,
  takeOver,
} from './ending.ts'
import { type GlobalFlags, readShard } from './flags.ts'
import { createLogger, flush } from './logger.ts'

/** After this long, the first probe has its answer, and the first checks have run, in milliseconds. */
const settledMs = 2_000
/** Time to write the last log lines, in milliseconds. */
const flushMs = 300

/**
 * Runs until a signal. Until the service has started, SIGTERM and SIGINT end the process at once, since there is nothing
 * to drain; a SIGHUP is remembered and becomes a reload.
 *
 * @throws Exit
 */
export async function run(flags: GlobalFlags, early: EarlySignals): Promise<void> {
  if (flags['config.check'] === true) return await validate(flags)
  const options = await serviceOptions(flags)
  const { logger } = options
  const service = await start(options)
  stopOptimizing()
  setTimeout(saveMemory, settledMs).unref()
  const signalled = firstSignal()
  const reload = () => void service.reload().catch(() => {})
  takeOver('SIGHUP', reload)
  if (early.hungUp()) reload()
  exitOnBug(logger, service)
  logAddresses(logger, service, options)
  const signal = await signalled
  logger.info({ signal }, 'stopping')
  await service.stop()
  logger.info({}, 'stopped')
  await flush(process.stderr, flushMs)
  process.exit(exitCodes.ok)
}

async function serviceOptions(flags: GlobalFlags): Promise<ServiceOptions & { logger: Logger }> {
  return {
    configFile: configFile(flags['config.file']),
    env: process.env,
    kinds: await loadKinds(flags),
    logger: createLogger({ level: flags['log.level'], format: flags['log.format'], stream: process.stderr }),
    listen: listenAddresses(flags),
    metricsPath: telemetryPath(flags),
    webConfigFile: flags['web.config.file'],
    allowShrink: flags['config.allowShrink'] === true,
    watch: flags.watch,
    shard: readShard(flags),
    lifecycle: flags['web.enableLifecycle'] === true,
  }
}

async function start(options: ServiceOptions): Promise<Service> {
  try {
    return await startService(options)
  } catch (error) {
    if (error instanceof ConfigError) throw new Exit(exitCodes.config, error.problems)
    if (error instanceof ListenError) throw new Exit(exitCodes.cannotListen, [error.message])
    throw error
  }
}

/** Resolves with the first SIGINT or SIGTERM. The next one ends the process at once. */
function firstSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  for (const [signal, code] of Object.entries(signalCodes)) {
    takeOver(signal as NodeJS.Signals, signal => {
      if (isEnding) endAtOnce(signal, code)
      isEnding = true
      resolve(signal)
    })
  }
  let isEnding = false
  return promise
}

function logAddresses(
  logger: Logger,
  { urls, probeUrls }: Service,
  { configFile, metricsPath }: ServiceOptions,
): void {
  logger.info(
    { config: configFile ?? 'environment', pid: process.pid, node: process.version },
    'pulsecheck started',
  )
  for (const url of urls)
    logger.info(
      { page: `${url}/`, metrics: `${url}${metricsPath ?? '/metrics'}`, ready: `${url}/readyz` },
      'listening',
    )
  for (const url of probeUrls)
    logger.info({ alive: `${url}/healthz`, ready: `${url}/readyz` }, 'listening for probes only')
}

/** An uncaught error is a bug: it is logged without secrets, and the process exits for its supervisor to restart it. */
function exitOnBug(logger: Logger, { monitor }: Service): void {
  process.on('uncaughtException', error => {
    const stack = monitor.redact(readableStack(error))
    logger.error({ stack }, 'internal error')
    void flush(process.stderr, flushMs).then(() => process.exit(exitCodes.failed))
  })
}

/**
 * Memory before speed: V8 sizes its heap for machines that have room, and keeps what a busy moment has taken, but Pulsecheck
 * shares a pod with the service that it watches. With these flags, the heap grows by a third over what is used, where V8's
 * own choice is up to four times; code that has not run for long is dropped; and the young generation stays as it is.
 */
const flags = ['--optimize-for-size', '--semi-space-growth-factor=1']

/** A larger heap takes too long to collect at once. */
const mostAtOnceBytes = 64 * 2 ** 20

/**
 * Makes V8 save memory. Call it when everything that is needed has been loaded, because compiled code is valid only for the
 * flags with which V8 was started. Blocks for some tens of milliseconds. Does nothing if the operator has chosen a size of
 * the young generation, for example with `--max-semi-space-size` in `NODE_OPTIONS`.
 */
export function saveMemory(): void {
  if (isLeftToV8()) return
  for (const flag of flags) setFlagsFromString(flag)
  // `process.memoryUsage` would ask /proc, which a container may lack.
  if (getHeapStatistics().used_heap_size > mostAtOnceBytes) return
  setFlagsFromString('--expose-gc')
  // What loading has taken is given back. This flavor alone makes the young generation small again.
  runInNewContext('gc')({ type: 'major', flavor: 'last-resort' })
}

/** Whether the operator has chosen a size of the young generation. */
function isLeftToV8(): boolean {
  const { NODE_OPTIONS: options = '' } = process.env
  return [options, ...process.execArgv].some(text => text.includes('semi-space-size'))
}

/**
 * Optimizing takes memory in V8's threads, and pages of its program file. The WebAssembly of undici's HTTP parser is never
 * optimized: that would be after a few responses, takes 15 MiB at once for one large function, and teaches glibc to keep
 * as much in each of its arenas.
 */
const unoptimized = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering', '--no-turbofan', '--no-maglev']

/** From this share of a core on, optimized code is worth the memory that it takes to make. */
const busyShare = 0.2

/**
 * Makes V8 optimize no more code until the process is busy. Call it before the first check, but after what is needed has
 * been loaded: V8 refuses compiled code of other flags, that of Node itself too. Leaves V8 alone where `saveMemory` does.
 *
 * @param everyMs time between two looks at the processor time.
 */
export function stopOptimizing(everyMs = 15_000): void {
  if (isLeftToV8()) return
  for (const flag of unoptimized) setFlagsFromString(flag)
  let at = performance.now()
  let usage = process.cpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(usage)
    const busyMs = (user + system) / 1_000
    const isBusy = busyMs >= busyShare * (performance.now() - at)
    at = performance.now()
    usage = process.cpuUsage()
    if (!isBusy) return
    clearInterval(timer)
    for (const flag of ['--turbofan', '--maglev']) setFlagsFromString(flag)
  }, everyMs).unref()
}
