/** `npm start` in a checkout: the program as it is shipped, built anew if the sources have changed since. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
// Without the development dependencies, nothing can be built: the sources run as they are.
const canBuild = existsSync(join(root, 'node_modules/rolldown'))
const launcher = canBuild ? (await import('./fresh.ts')).freshLauncher() : join(root, 'src/bin.cts')
process.argv[1] = launcher
createRequire(import.meta.url)(launcher)
