/** The list of what is played: scenes with dependencies, and rows about Pulsecheck itself. */
import { configuration } from './own/configuration.ts'
import { embedded } from './own/embedded.ts'
import { ending } from './own/ending.ts'
import { labels } from './own/labels.ts'
import type { OwnPart } from './own/play.ts'
import { resources } from './own/resources.ts'
import { server } from './own/server.ts'
import { time } from './own/time.ts'
import type { SceneScript } from './scene.ts'
import { dns } from './scenes/dns.ts'
import { http } from './scenes/http.ts'
import { network } from './scenes/network.ts'
import { pgbouncer } from './scenes/pgbouncer.ts'
import { postgres } from './scenes/postgres.ts'
import { redis } from './scenes/redis.ts'
import { impostors } from './scenes/redis-impostors.ts'
import { tcp } from './scenes/tcp.ts'
import { notTls, tls } from './scenes/tls.ts'
import { clientCertificates } from './scenes/tls-clients.ts'

export const scenes: Readonly<Record<string, { readonly title: string; readonly script: SceneScript }>> = {
  network: { title: 'The network', script: network },
  dns: { title: 'Name resolution', script: dns },
  tls: { title: 'TLS', script: tls },
  notTls: { title: 'TLS: other protocols on the port', script: notTls },
  clientCertificates: { title: 'TLS: client certificates', script: clientCertificates },
  http: { title: 'HTTP', script: http },
  postgres: { title: 'PostgreSQL', script: postgres },
  pgbouncer: { title: 'PgBouncer', script: pgbouncer },
  redis: { title: 'Redis', script: redis },
  impostors: { title: 'Redis: other answers on the port', script: impostors },
  tcp: { title: 'TCP', script: tcp },
}

export const ownParts: Readonly<Record<string, OwnPart>> = {
  server,
  configuration,
  labels,
  ending,
  resources,
  time,
  embedded,
}
