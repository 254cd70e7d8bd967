/** Files that are wrong, half written, gone; and reloads in a storm. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { until } from '../../support/net.ts'
import { launch, type Program } from '../../support/program.ts'
import { formatTotals, type OwnPart, readTotals, watchHealthy } from './play.ts'

const outcome = 'pulsecheck_config_last_reload_successful'
const invalid = 'test/config/invalid.test.ts: is refused in the words of its first lines'

export const configuration: OwnPart = {
  title: 'Configuration and reload',
  plays: [
    {
      id: 'C1',
      fault: 'a start with a file that is missing, empty, a directory, or not UTF-8',
      promise: 'exit 3 with the file and the cause, within 3 s',
      play: startWithWrongFiles,
    },
    {
      id: 'C2',
      fault: 'SIGHUP while the file is being written, in ten pieces 100 ms apart',
      promise: 'the whole file is taken, and no part of it',
      play: () => watchHealthy({}, reloadWhileWriting),
    },
    {
      id: 'C3',
      fault: 'the file is deleted, SIGHUP; it comes back, SIGHUP',
      promise: 'everything goes on; the metric is 0, then 1',
      play: () => watchHealthy({}, reloadWithoutFile),
    },
    {
      id: 'C4',
      fault: '200 SIGHUPs in 4 s',
      promise: 'no check is lost, no status changes, no counter begins anew',
      play: () => watchHealthy({}, reloadInStorm),
    },
    {
      id: 'C5',
      fault: 'a reload in which one of 1,000 dependencies is wrong',
      promise: 'nothing changes; the log names file, line and column',
      play: () => watchHealthy({}, reloadWithOneWrong),
    },
  ],
  unplayed: [
    {
      id: 'C6, C7',
      fault: 'alias bombs; nesting of 20,000 levels',
      why: 'refused before they are expanded',
      heldBy: [invalid, 'test/config/yaml/yaml.test.ts: lists in flow style'],
    },
    {
      id: 'C8',
      fault: '160,000 targets in 5 MB',
      why: 'refused: files have at most 1 MiB, and 10,000 dependencies',
      heldBy: ['test/config/load.test.ts: the number of dependencies is bounded'],
    },
    {
      id: 'C9',
      fault: '`__proto__`, duplicate keys, merge keys, tags, several documents, tabs',
      why: 'refused, each with its line',
      heldBy: [invalid, 'test/config/load.test.ts: nothing is left on any prototype'],
    },
    {
      id: 'C10, C11, C12',
      fault: 'durations out of range; a timeout above the interval; bad names',
      why: 'refused, each with its line',
      heldBy: [invalid],
    },
    {
      id: 'C13',
      fault: 'missing variables, `$` in passwords, secrets that are rotated on disk',
      why: 'the variable is named and its value never shown; files are read again at a reload',
      heldBy: [
        'test/config/load.test.ts: a missing variable in them is told once',
        'test/config/load.test.ts: a rotated secret is seen at the next load, and changes the fingerprint',
      ],
    },
    {
      id: 'C14',
      fault: 'patterns that are wrong or take exponential time',
      why: 'compiled at the start, by an engine of linear time',
      heldBy: ['test/kinds/http/http.test.ts: ^(a+)+$'],
    },
    {
      id: 'C15',
      fault: '`--config.check` on all of these',
      why: 'the same validator; exit 0 or 3, and nothing is asked',
      heldBy: [
        'test/e2e/process.test.ts: 0 for --config.check and validate on a good config, and neither asks anything',
      ],
    },
  ],
}

async function startWithWrongFiles(): Promise<string> {
  const files: Readonly<Record<string, (file: string) => void>> = {
    missing: rmSync,
    empty: file => writeFileSync(file, ''),
    'a directory': file => {
      rmSync(file)
      mkdirSync(file)
    },
    'not UTF-8': file => writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00])),
  }
  const seen: string[] = []
  for (const [name, spoil] of Object.entries(files)) {
    const from = performance.now()
    // The program reads its file well after a synchronous change of it.
    const running = launch({ config: {} })
    spoil(running.configFile)
    try {
      assert.equal(await running.ended, 3, `exit code for a file that is ${name}`)
      assert.ok(performance.now() - from < 3_000, `a file that is ${name} took too long`)
      const [line = ''] = running.output().stderr.split('\n')
      assert.match(line, /pulsecheck\.yml/, `the file is not named: ${line}`)
      seen.push(`${name}: “${line.replace(/\S*\/(?=pulsecheck\.yml)/, '')}”`)
    } finally {
      await running.remove()
    }
  }
  return seen.join('; ')
}

async function reloadWhileWriting(program: Program): Promise<string> {
  const text = `${readFileSync(program.configFile, 'utf8')}  last:\n    kind: tcp\n    host: 127.0.0.1\n    port: 1\n    critical: false\n`
  const size = Math.ceil(text.length / 10)
  writeFileSync(program.configFile, '')
  const seen = new Set<number>()
  for (let i = 0; i < 10; i++) {
    writeFileSync(program.configFile, text.slice(i * size, (i + 1) * size), { flag: 'a' })
    if (i % 3 === 0) program.child.kill('SIGHUP')
    seen.add(Object.keys((await program.health()).dependencies).length)
    await sleep(100)
  }
  const count = async () => Object.keys((await program.health()).dependencies).length
  await until(async () => {
    seen.add(await count())
    return seen.has(21)
  }, 'the whole file is taken')
  assert.deepEqual([...seen], [20, 21], 'numbers of dependencies')
  assert.equal(await program.metric(outcome), 1, outcome)
  return '20 dependencies before, 21 after, no other number between'
}

async function reloadWithoutFile(program: Program): Promise<string> {
  const aside = `${program.configFile}.aside`
  renameSync(program.configFile, aside)
  program.child.kill('SIGHUP')
  await until(async () => (await program.metric(outcome)) === 0, 'the refusal shows')
  assert.equal((await program.get('/readyz')).status, 200, 'readiness')
  renameSync(aside, program.configFile)
  program.child.kill('SIGHUP')
  await until(async () => (await program.metric(outcome)) === 1, 'the file is taken')
  const seen = await readTotals(program)
  assert.equal(seen.failures + seen.flips, 0, formatTotals(seen))
  return formatTotals(seen)
}

async function reloadInStorm(program: Program): Promise<string> {
  const before = await readTotals(program)
  for (let i = 0; i < 200; i++) {
    program.child.kill('SIGHUP')
    await sleep(20)
  }
  await sleep(2_000)
  const seen = await readTotals(program)
  const reloads = program.output().stderr.split('config reloaded').length - 1
  assert.equal(seen.failures + seen.flips + seen.skipped, 0, formatTotals(seen))
  assert.ok(seen.checks > before.checks, 'checks stopped, or began anew')
  assert.equal(await program.metric(outcome), 1, outcome)
  return `${reloads} reloads; ${formatTotals(seen)}`
}

async function reloadWithOneWrong(program: Program): Promise<string> {
  const before = await readTotals(program)
  const good = Object.fromEntries(Array.from({ length: 999 }, (_, i) => [`new-${i}`, 'tcp://127.0.0.1:1']))
  writeFileSync(program.configFile, stringify({ dependencies: { ...good, wrong: { kind: 'tpc' } } }))
  program.child.kill('SIGHUP')
  await until(async () => (await program.metric(outcome)) === 0, 'the refusal shows')
  const { dependencies } = await program.health()
  assert.equal(Object.keys(dependencies).length, 20, 'dependencies')
  assert.ok((await readTotals(program)).checks >= before.checks, 'counters began anew')
  const [said] = /pulsecheck\.yml:\d+:\d+: [^"\n]*/.exec(program.output().stderr) ?? []
  assert.ok(said, 'the log does not say where')
  return `“${said}”`
}
