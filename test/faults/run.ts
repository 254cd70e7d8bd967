/**
 * `npm run faults`: plays the catalogue of faults against the real program and real servers, and writes docs/faults.md.
 *
 *     npm run faults -- --times 3 --calm 0.2 --scene redis,postgres --write ''
 *
 * Each scene is a process of its own, several at once, and the calm comes last; isolated ones run in network and mount namespaces of their own
 * (root on Linux, with nft). Ends with 1 if any promise was broken.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { keepCalm } from './calm.ts'
import { playOwn } from './own/play.ts'
import { play } from './play.ts'
import { faultsPage, type OwnReport, type SceneReport } from './report.ts'
import { ownParts, scenes } from './scenes.ts'

const all = [...Object.keys(scenes), ...Object.keys(ownParts)]

const { values } = parseArgs({
  options: {
    /** Injections of each row that does not say otherwise. */
    times: { type: 'string', default: '30' },
    scene: { type: 'string', default: all.join() },
    /** Minutes of calm afterwards, in which nothing may be reported; 0 for none. */
    calm: { type: 'string', default: '10' },
    /** Scenes at once: the plays mostly wait. */
    side: { type: 'string', default: '4' },
    /** Where the tables go; standard output if empty. */
    write: { type: 'string', default: 'docs/faults.md' },
    /** Plays one scene in this process and writes its report as JSON: what the parent starts. */
    only: { type: 'string' },
  },
})

type Report = SceneReport | OwnReport

if (values.only === undefined) await playEverything(values.scene.split(','))
else process.stdout.write(`${JSON.stringify(await playHere(values.only, Number(values.times)))}\n`)

/** Plays a scene, or a part of the rows about Pulsecheck itself, in this process. */
async function playHere(name: string, times: number): Promise<Report> {
  const scene = scenes[name]
  if (scene !== undefined) return await playScene(scene, times)
  const part = ownParts[name]
  if (part === undefined) throw new Error(`no scene ${name}`)
  const { title, note, plays, unplayed = [] } = part
  const played = []
  for (const each of plays) {
    played.push(await playOwn(each))
    tell(played.at(-1))
  }
  return { title, note, played, unplayed }
}

async function playScene({ title, script }: (typeof scenes)[string], times: number): Promise<SceneReport> {
  const scene = await script.open()
  try {
    const played = []
    for (const fault of scene.faults) {
      played.push(await play(fault, times))
      tell(played.at(-1))
    }
    return { title, played, unplayed: script.unplayed ?? [] }
  } finally {
    await scene.close()
  }
}

function tell(row: { id: string; fault: string; problems: readonly string[] } | undefined): void {
  process.stderr.write(`${row?.id} ${row?.fault}: ${row?.problems.join('; ') || 'held'}\n`)
}

async function playEverything(names: readonly string[]): Promise<void> {
  const unknown = names.filter(name => !all.includes(name))
  if (unknown.length > 0) throw new Error(`no scene ${unknown.join()}; there are ${all.join(', ')}`)
  const side = Number(values.side)
  const inScenes = await playSideBySide(
    names.filter(name => name in scenes),
    side,
  )
  // What starves Pulsecheck of a resource would disturb the times that scenes measure.
  const own = await playSideBySide(
    names.filter(name => name in ownParts),
    Math.min(side, 2),
  )
  const played = { scenes: inScenes as readonly SceneReport[], own: own as readonly OwnReport[] }
  const minutes = Number(values.calm)
  // What was played is not lost if the calm cannot be kept.
  if (values.write !== '') writeFileSync(values.write, faultsPage({ ...played, calm: undefined }))
  const calm = minutes > 0 ? await keepCalm(10, minutes) : undefined
  const page = faultsPage({ ...played, calm })
  if (values.write === '') process.stdout.write(page)
  else writeFileSync(values.write, page)
  const broken = [...inScenes, ...own].flatMap(({ played }) => played.flatMap(({ problems }) => problems))
  process.exitCode = broken.length === 0 && (calm?.flips ?? 0) === 0 ? 0 : 1
}

/** Plays so many at a time; their reports in the order of the names. */
async function playSideBySide(names: readonly string[], side: number): Promise<readonly Report[]> {
  const waiting = names.entries()
  const reports: Report[] = []
  const work = async () => {
    for (const [i, name] of waiting) reports[i] = await playInProcess(name)
  }
  await Promise.all(Array.from({ length: side }, work))
  return reports
}

async function playInProcess(name: string): Promise<Report> {
  const command = [process.execPath, import.meta.filename, '--only', name, '--times', values.times]
  const isolated = ['unshare', '-n', '-m', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...command]
  const [program = '', ...args] = scenes[name]?.script.isolated ? isolated : command
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const report = await text(child.stdout)
  if (report === '') throw new Error(`the scene ${name} could not be played`)
  return JSON.parse(report)
}
