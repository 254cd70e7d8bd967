/** A cgroup (version 1) of our own, for as long as something is done in it. Needs root. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../support/net.ts'

export interface Cgroup {
  /** Runs a program in the group: for `ProgramOptions.inside`. */
  readonly inside: readonly string[]
  set(name: string, value: number): void
  get(name: string): number
}

/** All processes of the group must have ended when `act` has. */
export async function withinCgroup<T>(
  controller: 'cpu' | 'memory',
  act: (group: Cgroup) => Promise<T>,
): Promise<T> {
  const folder = join('/sys/fs/cgroup', controller, `pulsecheck-faults-${process.pid}`)
  mkdirSync(folder)
  try {
    return await act({
      inside: ['sh', '-c', `echo $$ > ${folder}/cgroup.procs && exec "$@"`, 'sh'],
      set: (name, value) => writeFileSync(join(folder, name), String(value)),
      get: name => Number(readFileSync(join(folder, name), 'utf8')),
    })
  } finally {
    await until(() => readFileSync(join(folder, 'cgroup.procs'), 'utf8') === '', 'the group is empty')
    rmdirSync(folder)
  }
}
