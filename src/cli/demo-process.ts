/** Child processes of the demo: what they say, and their end. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A server that does not end by its own signal is killed after this long, in milliseconds. */
const endingMs = 3_000

/** Ends a child by a signal, and if that is not enough by SIGKILL. Resolves when it has ended. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), endingMs)
  await exit
  clearTimeout(timer)
}

/** At once, with the children that are still in its group. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

/** Resolves when the child writes such a line. Rejects if it ends before, with the last line; and at the abort. */
export function untilSaid(child: ChildProcess, ready: RegExp, over: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let last = ''
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    // Read to the end: a server whose log nobody takes stops.
    createInterface({ input: stream }).on('line', line => {
      last = line
      if (ready.test(line)) resolve()
    })
  }
  child.once('error', reject).once('close', () => reject(new Error(last || 'it ended at once')))
  over.addEventListener('abort', () => reject(over.reason), { once: true })
  promise.catch(() => {})
  return promise
}

/** What a child writes until it ends. Rejects with the last line of its standard error if its code is not 0. */
export async function outputOf(child: ChildProcess): Promise<string> {
  const text = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    text.stdout += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', chunk => {
    text.stderr += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(text.stderr.trim().split('\n').at(-1) ?? `exit code ${code}`)
  return text.stdout
}
