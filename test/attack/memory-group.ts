/** A cgroup that bounds the memory of a process, in version 1 or 2, where we may make one. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface MemoryGroup {
  /** The file to which a process writes its id to join. */
  readonly procs: string
  /** Bytes that count, those of socket buffers in the kernel included. */
  usage(): number
  /** Once no process is in it any more. */
  remove(): void
}

/** What starts a program in a group: it comes before the program and its arguments. */
export function joining(procs: string): readonly string[] {
  return ['bash', '-c', 'echo $$ > "$0" && exec "$@"', procs]
}

/** @returns undefined where the system has none, or we may not make one. */
export function createMemoryGroup(limitBytes: number): MemoryGroup | undefined {
  try {
    return existsSync('/sys/fs/cgroup/cgroup.controllers') ? version2(limitBytes) : version1(limitBytes)
  } catch {
    return undefined
  }
}

function version1(limitBytes: number): MemoryGroup {
  const folder = newFolder('/sys/fs/cgroup/memory')
  write(folder, 'memory.limit_in_bytes', limitBytes)
  // TCP buffers have a counter of their own, which counts from when it has a limit.
  write(folder, 'memory.kmem.tcp.limit_in_bytes', limitBytes)
  return {
    procs: join(folder, 'cgroup.procs'),
    usage: () => read(folder, 'memory.usage_in_bytes') + read(folder, 'memory.kmem.tcp.usage_in_bytes'),
    remove: () => rmdirSync(folder),
  }
}

function version2(limitBytes: number): MemoryGroup {
  const folder = newFolder('/sys/fs/cgroup')
  try {
    write(folder, 'memory.max', limitBytes)
  } catch (error) {
    rmdirSync(folder)
    throw error
  }
  return {
    procs: join(folder, 'cgroup.procs'),
    usage: () => read(folder, 'memory.current'),
    remove: () => rmdirSync(folder),
  }
}

function newFolder(parent: string): string {
  const folder = join(parent, `pulsecheck-attack-${process.pid}-${Date.now()}`)
  mkdirSync(folder)
  return folder
}

function write(folder: string, file: string, value: number): void {
  writeFileSync(join(folder, file), String(value))
}

function read(folder: string, file: string): number {
  return Number(readFileSync(join(folder, file), 'utf8'))
}
