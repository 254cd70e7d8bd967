/** `pulsecheck check`: checks every dependency once and prints the results. */
import { styleText } from 'node:util'
import { readConfig, select } from './config.ts'
import { exitCodes } from './exit.ts'
import type { GlobalFlags } from './flags.ts'
import { endOnSignal } from './interrupt.ts'
import { checkOnce } from './once.ts'
import { createProgressLine, print } from './output.ts'
import { type Paint, statusTable } from './table.ts'

const colours = { up: 'green', down: 'red', unknown: 'yellow' } as const
const paint: Paint = (status, text) => styleText(colours[status], text, { stream: process.stdout })

/**
 * Prints a table, or as JSON the same document as `/health` (`StatusReport`), and ends the process: with 1 if a critical
 * dependency is not up, else 0.
 *
 * @param names these alone; none means all.
 * @throws Exit 2 for an unknown name, 3 for a wrong config.
 */
export async function check(
  names: readonly string[],
  output: 'table' | 'json',
  flags: GlobalFlags,
): Promise<void> {
  const { dependencies, maxConcurrentChecks } = await readConfig(flags['config.file'])
  const wanted = names.length === 0 ? dependencies : select(dependencies, names)
  const waiting = new Set(wanted.map(({ dependency }) => dependency.name))
  const progress = createProgressLine(process.stderr)
  const show = () => {
    const names = [...waiting].slice(0, 10).join(', ')
    progress.show(`${wanted.length - waiting.size} of ${wanted.length} checked, waiting for ${names}`)
  }
  const checked = (name: string) => {
    waiting.delete(name)
    if (waiting.size > 0) show()
  }
  if (waiting.size > 0) show()
  const once = checkOnce(wanted, { maxConcurrentChecks, checked })
  endOnSignal(async () => {
    progress.clear()
    await once.close()
  })
  const report = await once.report
  progress.clear()
  await print(
    process.stdout,
    output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : statusTable(report, paint),
  )
  await once.close()
  // A checker that ignores its abort does not delay the exit.
  process.exit(report.status === 'unavailable' ? exitCodes.failed : exitCodes.ok)
}
