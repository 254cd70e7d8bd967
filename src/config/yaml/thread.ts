/**
 * YAML in a thread of its own: a long file takes hundreds of milliseconds to read, and a malicious one more. The thread
 * lives for one file. What it has read is fetched in small messages, since copying all of it takes long as well.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Problem, Report } from '../problem.ts'
import type { NamedEntry, Outline, Tree } from '../tree.ts'

/** The input of the thread. It answers with one `Heading`, then with the dependencies in small arrays. */
export interface Order {
  readonly file: string
  readonly text: string
  readonly port: MessagePort
}

/** The first message of the thread. */
export interface Heading {
  readonly problems: readonly Problem[]
  /** Without it, the text could not be read at all. */
  readonly outline?: { readonly root: Tree; readonly count: number } | undefined
}

export interface ThreadLimits {
  readonly timeMs: number
  /** Of its heap, in MiB. */
  readonly memoryMiB: number
}

/** A file of the permitted size takes about a second and 150 MiB; with a tenth of a core, as a pod may have, ten seconds. */
const usualLimits: ThreadLimits = { timeMs: 60_000, memoryMiB: 512 }

/** The file of the thread is beside this one, in the source and in the build. */
const script = import.meta.url.endsWith('.ts') ? './thread-worker.ts' : './thread-worker.js'

/**
 * Reads a text in a thread and hands what it found to `use`; the thread ends with it. `use` gets undefined after the
 * problems of an unreadable text have been reported.
 */
export async function readInThread<T>(
  file: string,
  text: string,
  report: Report,
  use: (outline: Outline | undefined) => Promise<T>,
  limits: ThreadLimits = usualLimits,
): Promise<T> {
  const { port1: near, port2: far } = new MessageChannel()
  const order: Order = { file, text, port: far }
  const worker = new Worker(new URL(script, import.meta.url), {
    workerData: order,
    transferList: [far],
    execArgv: [],
    env: {},
    name: 'config',
    resourceLimits: { maxOldGenerationSizeMb: limits.memoryMiB },
  })
  try {
    const failure = await waitUntilRead(worker, limits)
    if (failure !== undefined) report({ file, line: 1, column: 1, path: '', message: failure })
    return await use(failure === undefined ? receive(near, report) : undefined)
  } finally {
    near.close()
    await worker.terminate()
  }
}

/** Undefined once the thread has read everything; else why it never will. */
function waitUntilRead(worker: Worker, { timeMs, memoryMiB }: ThreadLimits): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const timer = setTimeout(() => resolve(`takes more than ${timeMs / 1_000} s to read`), timeMs)
  worker.once('message', () => resolve(undefined))
  worker.on('error', (error: NodeJS.ErrnoException) =>
    resolve(
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? `takes more than ${memoryMiB} MiB of memory to read`
        : `cannot be read (${error.code ?? error.name})`,
    ),
  )
  worker.once('exit', () => resolve('cannot be read (the thread that reads it has ended)'))
  return promise.finally(() => clearTimeout(timer))
}

function receive(port: MessagePort, report: Report): Outline | undefined {
  const { problems, outline }: Heading = receiveMessageOnPort(port)?.message ?? { problems: [] }
  for (const problem of problems) report(problem)
  return outline && { ...outline, dependencies: fetchEntries(port) }
}

function* fetchEntries(port: MessagePort): Generator<NamedEntry> {
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
    yield* next.message as readonly NamedEntry[]
}
