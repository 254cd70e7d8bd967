/** The server: routes for every Fastify, and the service's own listeners. */

export type { Users } from './access/credentials.ts'
export { createFollower, type Follower } from './access/follow.ts'
export type { AccessRules } from './access/rules.ts'
export { filesOf, readWebFile, type WebConfig, type WebFile, webFileSchema } from './access/webfile.ts'
export { defaultLimits, type Limits } from './http/limits.ts'
export { ListenError } from './http/listener.ts'
export type { Monitored, ReloadOutcome } from './routes/context.ts'
export { type RoutesOptions, routes } from './routes/routes.ts'
export { createServer, type Server, type ServerRules, type ServerSettings } from './server.ts'
