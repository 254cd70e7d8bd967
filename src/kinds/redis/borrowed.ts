/** The options of Redis through the application's own client: of a server, of Sentinel or of a Cluster. */
import { z } from 'zod'
import type { RedisClient } from '../shared/borrowed.ts'
import { options } from './options.ts'

const { role, masterLink, writable, writeKey } = options.shape

export const clientOptions = z.strictObject({
  client: z
    .custom<RedisClient>(isClient, { error: 'expected a Redis or a Cluster of ioredis' })
    .describe("The application's client. It is never closed."),
  fresh: options
    .optional()
    .describe(
      'Options of a fresh connection that is checked as well, so that the state says which half fails.',
    ),
  role,
  masterLink,
  writable,
  writeKey,
})

export type ClientOptions = z.output<typeof clientOptions>

/** Returns where the client connects, according to its own options. */
export function clientTarget(
  { client, fresh }: ClientOptions,
  freshTarget: (fresh: NonNullable<ClientOptions['fresh']>) => string,
): string {
  if (fresh !== undefined) return freshTarget(fresh)
  const { options: given } = client as { options?: Readonly<Record<string, unknown>> }
  const { host, port, name, sentinels } = given ?? {}
  if (isCluster(client)) return "the application's cluster client"
  if (sentinels !== undefined && sentinels !== null) return `sentinel:${String(name)}`
  return typeof host === 'string' ? `${host}:${String(port)}` : "the application's client"
}

/** Whether a client is one of a Cluster. */
export function isCluster(client: RedisClient): boolean {
  return (client as { readonly isCluster?: unknown }).isCluster === true
}

function isClient(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return 'call' in value && typeof value.call === 'function' && 'status' in value
}
