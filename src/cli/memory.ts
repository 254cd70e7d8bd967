/**
 * Memory before speed: V8 sizes its heap for machines that have room, and keeps what a busy moment has taken. Pulsecheck
 * shares a pod with the service that it watches.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * The heap grows by a third over what is used, where V8's own choice is up to four times; code that has not run for long
 * is dropped; and the young generation stays as it is.
 */
const flags = ['--optimize-for-size', '--semi-space-growth-factor=1']

/** A larger heap takes too long to collect at once. */
const mostAtOnceBytes = 64 * 2 ** 20

/**
 * Called once what is needed is loaded: compiled code is for the flags that V8 was started with. Blocks for some tens of
 * milliseconds. Does nothing where the operator has chosen a size of the young generation, with `--max-semi-space-size` in `NODE_OPTIONS` for example.
 */
export function saveMemory(): void {
  const { NODE_OPTIONS: options = '' } = process.env
  if ([options, ...process.execArgv].some(text => text.includes('semi-space-size'))) return
  for (const flag of flags) setFlagsFromString(flag)
  // `process.memoryUsage` would ask /proc, which a container may lack.
  if (getHeapStatistics().used_heap_size > mostAtOnceBytes) return
  setFlagsFromString('--expose-gc')
  // What loading has taken is given back. This flavor alone makes the young generation small again.
  runInNewContext('gc')({ type: 'major', flavor: 'last-resort' })
}
