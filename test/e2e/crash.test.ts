/** An error that nobody caught, thrown inside the running program: it ends, and its last words hold no secret. */
import { afterEach, expect, test } from 'vitest'
import { closedPort } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'

let program: Program
afterEach(() => program.remove())

/** Throws within the program, outside of any promise, when it is sent SIGUSR2. */
const thrower = "process.on('SIGUSR2', () => { throw new Error(process.env.CRASH) })"

test.each([
  ['a password', 'cannot reach postgres://app:k4n4r-first@db', 'k4n4r-first'],
  ['the password of another dependency', 'sent AUTH k4n4r-second', 'k4n4r-second'],
])('a crash is logged once, without %s, and exits with 1', async (_, message, secret) => {
  const port = await closedPort()
  program = await startProgram({
    config: {
      dependencies: {
        first: `postgres://app:k4n4r-first@127.0.0.1:${port}/orders`,
        second: { kind: 'redis', host: '127.0.0.1', port, password: 'k4n4r-second' },
      },
    },
    env: {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(thrower)}`,
      CRASH: message,
    },
  })
  program.child.kill('SIGUSR2')
  expect(await program.ended).toBe(1)
  const { stdout, stderr } = program.output()
  expect(stderr.match(/internal error/g)).toHaveLength(1)
  expect(stderr).toContain(message.split(secret)[0]!.split('//')[0])
  expect(stderr).toContain('<secret>')
  expect(stdout + stderr).not.toContain(secret)
})
