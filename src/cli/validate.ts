/** `pulsecheck validate`: reads the config as `run` would, without contacting anything, and prints what it found. */
import { configFile, readConfig } from './config.ts'
import { print } from './output.ts'

/** @throws Exit 3 if the config is wrong. */
export async function validate(named: string | undefined): Promise<void> {
  const { dependencies } = await readConfig(named)
  const byKind = Map.groupBy(dependencies, ({ dependency }) => dependency.kind)
  const counts = [...byKind].map(([kind, members]) => `${members.length} ${kind}`).sort()
  await print(
    process.stdout,
    `${configFile(named) ?? 'environment'}: ok, ${dependencies.length} dependencies: ${counts.join(', ')}\n`,
  )
}
