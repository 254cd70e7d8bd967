/**
 * Every kind, one line each, and nothing else: whoever adds a kind adds a line here. `index.ts` makes the list of them,
 * since a module cannot list its own exports, and the package exports each under its name.
 */
export { dns } from './dns/dns.ts'
export { grpc } from './grpc/grpc.ts'
export { http } from './http/http.ts'
export { postgres } from './postgres/postgres.ts'
export { redis } from './redis/redis.ts'
export { tcp } from './tcp.ts'
export { tls } from './tls/tls.ts'
