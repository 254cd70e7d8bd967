/**
 * Prints the bill of materials of the package, in CycloneDX, as it is installed in a folder. npm's own has the folder's name,
 * and addresses that the format's schema refuses.
 *
 *     node scripts/installed.ts FOLDER
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { librariesOf, materialsOf } from './contents.ts'

const folder = process.argv[2] ?? ''
const files = globSync('**/node_modules/{*,@*/*}/package.json', { cwd: folder }).map(file =>
  join(folder, file),
)
const { version } = JSON.parse(readFileSync(join(folder, 'node_modules/pulsecheck/package.json'), 'utf8'))
const libraries = librariesOf(files).filter(({ name }) => name !== 'pulsecheck')
process.stdout.write(`${JSON.stringify(materialsOf(version, libraries), null, 2)}\n`)
