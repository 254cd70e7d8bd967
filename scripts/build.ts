/** `dist/`: the sources as plain JavaScript with their types, and an executable launcher. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { execPath } from 'node:process'

rmSync('dist', { recursive: true, force: true })
// By its file, not by name: the script also runs where npm has not put the compiler on the PATH.
execFileSync(execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
// The page's scripts are JavaScript that tsc has written out with the rest; its style sheet is no business of tsc.
cpSync('src/server/page/browser/page.css', 'dist/server/page/browser/page.css')
chmodSync('dist/bin.cjs', 0o755)
