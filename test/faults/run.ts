/**
 * `npm run faults`: plays the catalogue of faults against the real program and real servers, and writes docs/faults.md.
 *
 *     npm run faults -- --times 30 --scene redis,postgres
 *
 * Each scene is a process of its own, several at once; isolated ones run in network and mount namespaces of their own
 * (root on Linux, with nft). Ends with 1 if any promise was broken.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs, promisify } from 'node:util'
import { keepCalm } from './calm.ts'
import { play } from './play.ts'
import { faultsPage, type SceneReport } from './report.ts'
import { scenes } from './scenes.ts'

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '30' },
    scene: { type: 'string', default: Object.keys(scenes).join() },
    /** Minutes of calm afterwards, in which nothing may be reported; 0 for none. */
    calm: { type: 'string', default: '10' },
    /** Where the tables go; standard output if empty. */
    write: { type: 'string', default: 'docs/faults.md' },
    /** Plays one scene in this process and writes its report as JSON: what the parent starts. */
    only: { type: 'string' },
  },
})

/** Scenes at once: the plays mostly wait. */
const side = 3

if (values.only === undefined) await playEverything(values.scene.split(','), values.times)
else process.stdout.write(`${JSON.stringify(await playScene(values.only, Number(values.times)))}\n`)

async function playScene(name: string, times: number): Promise<SceneReport> {
  const { title, script } = sceneOf(name)
  const scene = await script.open()
  try {
    const played = []
    for (const fault of scene.faults) {
      const outcome = await play(fault, times)
      process.stderr.write(`${fault.id} ${fault.fault}: ${outcome.problems.join('; ') || 'held'}\n`)
      played.push(outcome)
    }
    return { title, played, unplayed: scene.unplayed ?? [] }
  } finally {
    await scene.close()
  }
}

async function playEverything(names: readonly string[], times: string): Promise<void> {
  const waiting = [...names]
  const reports = new Map<string, SceneReport>()
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      reports.set(name, await playInProcess(name, times))
  }
  await Promise.all(Array.from({ length: side }, work))
  const minutes = Number(values.calm)
  const calm = minutes > 0 ? await keepCalm(10, minutes) : undefined
  const page = faultsPage(
    names.map(name => reports.get(name) as SceneReport),
    calm,
  )
  if (values.write === '') process.stdout.write(page)
  else writeFileSync(values.write, page)
  const broken = [...reports.values()]
    .flatMap(({ played }) => played)
    .filter(({ problems }) => problems.length > 0)
  process.exitCode = broken.length === 0 && (calm?.flips ?? 0) === 0 ? 0 : 1
}

async function playInProcess(name: string, times: string): Promise<SceneReport> {
  const command = [process.execPath, import.meta.filename, '--only', name, '--times', times]
  const [program = '', ...args] = sceneOf(name).script.isolated
    ? ['unshare', '-n', '-m', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...command]
    : command
  const { stdout, stderr } = await promisify(execFile)(program, args, { maxBuffer: 2 ** 26 })
  process.stderr.write(stderr)
  return JSON.parse(stdout)
}

function sceneOf(name: string) {
  const scene = scenes[name]
  if (scene === undefined) throw new Error(`no scene ${name}; there are ${Object.keys(scenes).join(', ')}`)
  return scene
}
