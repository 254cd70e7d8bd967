/** The list of scenes: a name, a title, and the script. */
import type { SceneScript } from './scene.ts'
import { postgres } from './scenes/postgres.ts'
import { impostors, redis } from './scenes/redis.ts'

export const scenes: Readonly<Record<string, { readonly title: string; readonly script: SceneScript }>> = {
  redis: { title: 'Redis', script: redis },
  impostors: { title: 'Redis, played by others', script: impostors },
  postgres: { title: 'PostgreSQL', script: postgres },
}
