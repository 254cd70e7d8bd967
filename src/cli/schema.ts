/** `pulsecheck schema`: what an editor needs to complete and check a config. */
import { configJsonSchema } from '../config/index.ts'
import { kinds } from '../kinds/index.ts'
import { print } from './output.ts'

/** Prints the JSON Schema of the config, draft 2020-12. */
export async function schema(): Promise<void> {
  await print(process.stdout, `${JSON.stringify(configJsonSchema(kinds), null, 2)}\n`)
}
