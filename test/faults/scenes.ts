/** The list of scenes: a name, a title, and the script. */
import type { SceneScript } from './scene.ts'
import { redis } from './scenes/redis.ts'

export const scenes: Readonly<Record<string, { readonly title: string; readonly script: SceneScript }>> = {
  redis: { title: 'Redis', script: redis },
}
