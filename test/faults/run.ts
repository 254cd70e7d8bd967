/**
 * `npm run faults`: plays the catalogue of faults against the real program and real servers, and writes docs/faults.md.
 *
 *     npm run faults -- --times 30 --scene redis,postgres
 *
 * Each scene is a process of its own, several at once; isolated ones run in a network namespace (as root, Linux).
 */
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { play } from './play.ts'
import { type SceneReport, sceneTable } from './report.ts'
import { scenes } from './scenes.ts'

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '30' },
    scene: { type: 'string', default: Object.keys(scenes).join() },
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
      reports.set(name, await inProcess(name, times))
  }
  await Promise.all(Array.from({ length: side }, work))
  for (const name of names) process.stdout.write(`${sceneTable(reports.get(name) as SceneReport)}\n`)
}

async function inProcess(name: string, times: string): Promise<SceneReport> {
  const command = [process.execPath, import.meta.filename, '--only', name, '--times', times]
  const [program = '', ...args] = sceneOf(name).script.isolated
    ? ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...command]
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
