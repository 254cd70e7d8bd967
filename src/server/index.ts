/** The server: routes for every Fastify, and the service's own listeners. */

export { createFollower, type Follower } from './access/follow.ts'
export { filesOf, readWebFile, type WebConfig, type WebFile, webFileSchema } from './access/webfile.ts'
export { createEmbedded, type Embedded } from './embedded.ts'
export { defaultLimits, type Limits } from './http/limits.ts'
export { ListenError } from './http/listener.ts'
export type * from './options.ts'
export type { Monitored, ReloadOutcome } from './routes/context.ts'
export { type RoutesOptions, routes } from './routes/routes.ts'
export { createServer, type Server, type ServerRules, type ServerSettings } from './server.ts'
