/** Child processes of a benchmark: servers, clients and subjects, which exchange messages with it. */
import { type ChildProcess, fork } from 'node:child_process'

/** No benchmark waits longer than this for a message. */
const patienceMs = 300_000

/** Runs a file of this folder in a process that exits with the benchmark and can force a garbage collection. */
export function startChild(file: string, order: unknown = {}): ChildProcess {
  return fork(new URL(file, import.meta.url), [JSON.stringify(order)], { execArgv: ['--expose-gc'] })
}

/** Sends an order, if there is one, and returns the next message of the child. Rejects if the child exits or stays silent. */
export function receive<T>(child: ChildProcess, order?: unknown): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const ended = (code: number | null) => reject(new Error(`${child.spawnargs[2]} ended with ${code}`))
  const limit = setTimeout(() => reject(new Error(`${child.spawnargs[2]} sent no message`)), patienceMs)
  child.once('message', resolve).once('exit', ended)
  if (order !== undefined) child.send(order as object)
  return promise.finally(() => {
    clearTimeout(limit)
    child.off('message', resolve).off('exit', ended)
  })
}

/** Returns the order that this process was started with. From now on, it exits with the benchmark. */
export function readOrder<T>(): T {
  process.once('disconnect', () => process.exit())
  return JSON.parse(process.argv[2] ?? '{}') as T
}
