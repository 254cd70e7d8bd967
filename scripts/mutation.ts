/**
 * Mutation tests: Stryker changes the code of a room in one place at a time, and the room's own tests must fail. The
 * arguments name the rooms. Without arguments, all rooms are tried.
 *
 *     npm run test:mutation -- state views
 */
import { spawnSync } from 'node:child_process'
import { argv, execPath, exit, stderr } from 'node:process'

interface Room {
  readonly sources: readonly string[]
  /** Tests that start no program and do not wait for real time, so that a thousand runs take minutes. */
  readonly tests: readonly string[]
}

const rooms: Readonly<Record<string, Room>> = {
  state: { sources: ['src/state/**/*.ts'], tests: ['test/state/**/*.test.ts'] },
  // Name lookups wait for real servers, which would take seconds for each change.
  schedule: {
    sources: [
      'src/schedule/**/*.ts',
      '!src/schedule/resolve.ts',
      '!src/schedule/nameservers.ts',
      '!src/schedule/surroundings.ts',
    ],
    tests: ['test/schedule/**/*.test.ts', '!test/schedule/resolve.test.ts'],
  },
  views: { sources: ['src/views/**/*.ts'], tests: ['test/views/**/*.test.ts'] },
  exposition: {
    sources: ['src/exposition/**/*.ts'],
    tests: ['test/exposition/**/*.test.ts', '!test/exposition/prometheus.test.ts'],
  },
  // Stryker cannot switch its changes on in a thread of its own.
  access: {
    sources: ['src/server/access/**/*.ts', '!src/server/access/bcrypt-worker.ts'],
    tests: ['test/server/access/**/*.test.ts'],
  },
  service: { sources: ['src/service.ts', 'src/service/**/*.ts'], tests: ['test/service/**/*.test.ts'] },
}

/** Returns whether Stryker ran and the score is as high as its configuration demands. */
function mutate(room: string, { sources, tests }: Room): boolean {
  stderr.write(`\n${room}\n`)
  const args = ['run', '--mutate', sources.join(','), '--incrementalFile', `tmp/mutation/${room}.json`]
  const { status } = spawnSync(execPath, ['node_modules/@stryker-mutator/core/bin/stryker.js', ...args], {
    stdio: 'inherit',
    env: { ...process.env, MUTATION_TESTS: tests.join(',') },
  })
  return status === 0
}

const asked = argv.slice(2)
const unknown = asked.filter(name => rooms[name] === undefined)
if (unknown.length > 0) {
  stderr.write(`no such room: ${unknown.join(', ')}; there are ${Object.keys(rooms).join(', ')}\n`)
  exit(2)
}
const chosen = Object.entries(rooms).filter(([name]) => asked.length === 0 || asked.includes(name))
const failed = chosen.filter(([name, room]) => !mutate(name, room)).map(([name]) => name)
if (failed.length > 0) stderr.write(`below the mark, or not run: ${failed.join(', ')}\n`)
exit(failed.length > 0 ? 1 : 0)
