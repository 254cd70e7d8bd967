/** The kinds that Pulsecheck knows: one line each. */
import type { Kind } from '../model/kind.ts'
import { dns } from './dns/dns.ts'
import { grpc } from './grpc/grpc.ts'
import { http } from './http/http.ts'
import { postgres } from './postgres/postgres.ts'
import { redis } from './redis/redis.ts'
import { tcp } from './tcp.ts'
import { tls } from './tls/tls.ts'

export const kinds: readonly Kind[] = [dns, grpc, http, postgres, redis, tcp, tls]
