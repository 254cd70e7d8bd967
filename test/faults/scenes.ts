/** The list of scenes: a name, a title, and the script. */
import type { SceneScript } from './scene.ts'
import { http } from './scenes/http.ts'
import { network } from './scenes/network.ts'
import { postgres } from './scenes/postgres.ts'
import { impostors, redis } from './scenes/redis.ts'
import { tcp } from './scenes/tcp.ts'
import { notTls, tls } from './scenes/tls.ts'

export const scenes: Readonly<Record<string, { readonly title: string; readonly script: SceneScript }>> = {
  network: { title: 'The network', script: network },
  redis: { title: 'Redis', script: redis },
  impostors: { title: 'Redis, played by others', script: impostors },
  http: { title: 'HTTP', script: http },
  tls: { title: 'TLS', script: tls },
  notTls: { title: 'TLS, played by others', script: notTls },
  tcp: { title: 'TCP', script: tcp },
  postgres: { title: 'PostgreSQL', script: postgres },
}
