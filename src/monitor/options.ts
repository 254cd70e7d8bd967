/** What each options object of the library may hold: checked where no compiler does it. */
import { z } from 'zod'
import type { Logger } from '../model/logger.ts'
import type { EndpointOptions, HandlerOptions, ListenOptions, Users } from '../server/options.ts'
import type { MonitorOptions } from './interface.ts'
import type { MetricsRegistry } from './registry.ts'
import type { ShutdownOptions } from './shutdown.ts'
import type { WaitOptions } from './waiting.ts'

/** A schema with the keys of a type: a missing or additional key does not compile. */
type Keys<Options> = Readonly<Record<keyof Options, z.ZodType>>

const text = z.string().optional()
const fn = z.custom<() => unknown>(value => typeof value === 'function', { error: 'expected a function' })
const texts = z.array(z.string()).optional()

const logger = z.custom<Logger>(hasLevel, {
  error: 'expected console, or an object with some of the functions debug, info, warn and error',
})

export const monitorOptions = z.strictObject({
  logger: logger.optional(),
  maxConcurrentChecks: z.int().min(1).optional(),
  durations: z.unknown().optional(),
  clock: z.unknown().optional(),
  resolve: fn.optional(),
} satisfies Keys<Omit<MonitorOptions, 'dependencies' | 'defaults'>>)

const access = z.strictObject({
  details: z.enum(['always', 'authorized', 'never']).optional(),
  allow: texts,
  hosts: texts,
  users: z
    .custom<Users>(value => value instanceof Map, { error: 'expected a Map of user name to bcrypt hash' })
    .optional(),
  certificates: z.boolean().optional(),
} satisfies Keys<NonNullable<EndpointOptions['access']>>)

const listen = { access: access.optional(), metricsPath: text } satisfies Keys<ListenOptions>
const endpoints = {
  ...listen,
  only: z.array(z.enum(['probes', 'metrics', 'health', 'page'])).optional(),
} satisfies Keys<EndpointOptions>

export const listenOptions = z.strictObject(listen)
export const routesOptions = z.strictObject({
  ...endpoints,
  prefix: z.undefined({ error: 'give it to Fastify: app.register(monitor.routes(), { prefix })' }).optional(),
} satisfies Keys<HandlerOptions>)
export const handlerOptions = z.strictObject({ ...endpoints, prefix: text } satisfies Keys<HandlerOptions>)

export const waitOptions = z.strictObject({
  timeout: text,
  signal: z
    .custom<AbortSignal>(value => isFunction(value, 'addEventListener'), { error: 'expected an AbortSignal' })
    .optional(),
} satisfies Keys<WaitOptions>)

export const shutdownOptions = z.strictObject({
  close: fn.optional(),
  delay: text,
  signals: texts,
} satisfies Keys<ShutdownOptions>)

/** @throws TypeError for what no metric could be read from or put into. */
export function checkRegistry(value: MetricsRegistry): void {
  const isRegistry = ['registerMetric', 'removeSingleMetric', 'getMetricsAsJSON'].every(name =>
    isFunction(value, name),
  )
  if (!isRegistry) throw new TypeError('expected a Registry of prom-client, or of its form')
}

function hasLevel(value: unknown): boolean {
  return ['debug', 'info', 'warn', 'error'].some(level => isFunction(value, level))
}

function isFunction(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function'
}
