/** Processes beside the bench: servers, clients and subjects, which talk with it in messages. */
import { type ChildProcess, fork } from 'node:child_process'

/** No answer of any bench takes so long. */
const patienceMs = 300_000

/** Starts a file of this folder, which ends when the bench does, and can force a garbage collection. */
export function forked(file: string, order: unknown = {}): ChildProcess {
  return fork(new URL(file, import.meta.url), [JSON.stringify(order)], { execArgv: ['--expose-gc'] })
}

/** The next message of a child; with an order, its answer to that. Rejects when the child ends or stays silent. */
export function told<T>(child: ChildProcess, order?: unknown): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const ended = (code: number | null) => reject(new Error(`${child.spawnargs[2]} ended with ${code}`))
  const limit = setTimeout(() => reject(new Error(`${child.spawnargs[2]} says nothing`)), patienceMs)
  child.once('message', resolve).once('exit', ended)
  if (order !== undefined) child.send(order as object)
  return promise.finally(() => {
    clearTimeout(limit)
    child.off('message', resolve).off('exit', ended)
  })
}

/** In the child: what it was started with. From here on it ends when the bench does. */
export function ordered<T>(): T {
  process.once('disconnect', () => process.exit())
  return JSON.parse(process.argv[2] ?? '{}') as T
}
