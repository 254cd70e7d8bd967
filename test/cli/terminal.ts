/** The real program on a terminal: `script` of bsdutils gives it one. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const launcher = join(import.meta.dirname, '../../src/bin.cts')

export interface OnTerminal {
  /** Everything on the screen so far, escape sequences included. */
  screen(): string
  /** Types: `'\x03'` is Ctrl-C. */
  type(keys: string): void
  readonly ended: Promise<number>
}

export function onTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}): OnTerminal {
  // exec: the shell between gets Ctrl-C as well, and would end with a code of its own.
  const command = `exec ${[process.execPath, launcher, ...args].map(arg => `'${arg}'`).join(' ')}`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { PATH: process.env.PATH ?? '', TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    screen += text
  })
  const ended = once(child, 'close').then(([code]) => Number(code))
  return { screen: () => screen, type: keys => void child.stdin.write(keys), ended }
}
