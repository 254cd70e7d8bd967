/** What a command of the real program prints. */
import { launch } from '../support/program.ts'

/** Rejects with what it says if it fails. */
export async function printed(command: string, config?: object): Promise<string> {
  const running = launch({ flags: command.split(' '), ...(config !== undefined && { config }) })
  const code = await running.ended
  const { stdout, stderr } = running.output()
  await running.remove()
  if (code !== 0) throw new Error(`${command}: ${code}\n${stderr}`)
  return stdout
}
