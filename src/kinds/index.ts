/** The kinds that Pulsecheck knows: one line each. */
import type { Kind } from '../kind.ts'
import { http } from './http.ts'
import { postgres } from './postgres.ts'
import { redis } from './redis.ts'
import { tcp } from './tcp.ts'

export const kinds: readonly Kind[] = [http, postgres, redis, tcp]
