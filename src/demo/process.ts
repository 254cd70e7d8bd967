/** Child processes of the demo: their output and their end. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A server that ignores its signal is killed after this long, in milliseconds. */
const endingMs = 3_000

/** Ends a child by a signal, or else by SIGKILL. Resolves when it has exited. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), endingMs)
  await exit
  clearTimeout(timer)
}

/** Kills a process and its group at once. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has exited already.
  }
}

/** Resolves when the child prints a matching line. Rejects with its last line if it exits first, and at the abort. */
export function untilLine(child: ChildProcess, ready: RegExp, over: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let last = ''
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    // Read to the end: a server whose log nobody reads blocks.
    createInterface({ input: stream }).on('line', line => {
      last = line
      if (ready.test(line)) resolve()
    })
  }
  child.once('error', reject).once('close', () => reject(new Error(last || 'it exited at once')))
  over.addEventListener('abort', () => reject(over.reason), { once: true })
  promise.catch(() => {})
  return promise
}

/** Collects what a child prints until it exits. Rejects with the last line of its standard error if its code is not 0. */
export async function readOutput(child: ChildProcess): Promise<string> {
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
