/** The running config as it is kept, frozen, and as people see it: secrets hidden by their type, durations by their schema. */
import { z } from 'zod'
import { formatAddress, type ListenAddress } from '../model/address.ts'
import type { Dependency } from '../model/dependency.ts'
import { isPlain } from '../model/plain.ts'
import { Secret } from '../model/secret.ts'
import { formatDuration, type Settings } from '../model/settings.ts'
import type { ServerSettings } from './sections.ts'

/**
 * A dependency's keys after parsing: defaults filled in, what follows from other keys too.
 *
 * @param schema the one that parsed them.
 */
export function printDependency(
  dependency: Dependency,
  parsed: Settings & Record<string, unknown>,
  schema: z.ZodType,
): unknown {
  const { confirmIntervalMs: confirmInterval, staleAfterMs: staleAfter } = dependency
  const shown = printBySchema({ ...parsed, confirmInterval, staleAfter }, schema)
  return { kind: dependency.kind, target: dependency.target, ...Object(shown) }
}

/** A parsed value as it is written, wherever its schema says how. */
function printBySchema(value: unknown, schema: z.ZodType): unknown {
  const inner = unwrapped(schema)
  if (typeof value === 'number' && isDuration(inner)) return formatDuration(value)
  if (inner instanceof z.ZodArray && Array.isArray(value))
    return value.map(each => printBySchema(each, inner.element as z.ZodType))
  if (!(inner instanceof z.ZodObject) || !isPlain(value)) return printable(value)
  const entries = Object.entries(value).map(([key, each]) => {
    const own = inner.shape[key] as z.ZodType | undefined
    return [key, own === undefined ? printable(each) : printBySchema(each, own)]
  })
  return Object.fromEntries(entries)
}

/** The schema without what makes a value optional. */
function unwrapped(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? unwrapped(schema.unwrap() as z.ZodType)
    : schema
}

/** Its input is marked by `.meta({ duration: true })`. */
function isDuration(schema: z.ZodType): boolean {
  return schema instanceof z.ZodPipe && z.globalRegistry.get(schema.in)?.duration === true
}

/** The keys of `server:` as they are written. */
export function printServer(server: ServerSettings): unknown {
  const { listen, probes, shutdownDelay, ...rest } = server
  const addresses = listen.map(printAddress)
  const probesAlone =
    probes.listen.length === 0 ? {} : { probes: { listen: probes.listen.map(printAddress) } }
  const delay = shutdownDelay === undefined ? {} : { shutdownDelay: formatDuration(shutdownDelay) }
  return { listen: addresses, ...probesAlone, ...(printable(rest) as object), ...delay }
}

function printAddress({ host = '', port }: ListenAddress): string {
  return formatAddress(host, port)
}

/** A value as JSON can hold it, with every secret as `<secret>`. A kind's own objects show as their text. */
export function printable(value: unknown): unknown {
  if (value instanceof Secret) return value.toString()
  if (Array.isArray(value)) return value.map(printable)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  if (!isPlain(value)) return String(value)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, printable(inner)]))
}

/**
 * Freezes a parsed value and all that it holds. Only lists, plain objects and secrets: a kind's own objects, such as a
 * compiled pattern, may keep notes inside themselves.
 */
export function deepFreeze<T>(value: T): T {
  if (!isData(value) || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
  return value
}

function isData(value: unknown): value is object {
  return isPlain(value) || Array.isArray(value) || value instanceof Secret
}
