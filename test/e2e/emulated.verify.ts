/**
 * The image of another architecture, under emulation: `npm run verify:image -- arm64` builds it first. A memory limit says
 * nothing here, since QEMU's own memory counts.
 */
import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { closedPort, until } from '../support/net.ts'

const image = process.env.PULSECHECK_IMAGE ?? ''
const run = promisify(execFile)
const podman = async (...args: readonly string[]) => (await run('podman', [...args])).stdout.trim()
const isolated = ['--network=host', '--read-only', '--read-only-tmpfs=false', '--cap-drop=all']

/** Says which files V8 refuses the compiled code of, as it would at a start. */
const refused = `
  const { readdirSync, readFileSync } = require('node:fs')
  const { Script } = require('node:vm')
  const folder = '/opt/pulsecheck/program'
  const compiled = \`v8-\${process.versions.v8}-\${process.arch}\`
  const head = '(function (exports, require, module, __filename, __dirname) {'
  const files = readdirSync(\`\${folder}/\${compiled}\`)
  const isRefused = file => {
    const filename = \`\${folder}/\${file.slice(0, -'.bin'.length)}\`
    const cachedData = readFileSync(\`\${folder}/\${compiled}/\${file}\`)
    const code = \`\${head}\${readFileSync(filename, 'latin1')}\\n})\`
    return new Script(code, { filename, columnOffset: -head.length, cachedData }).cachedDataRejected
  }
  console.log(JSON.stringify({ files: files.length, refused: files.filter(isRefused) }))`

test('the image runs code compiled for its own architecture', { timeout: 300_000 }, async () => {
  expect(await podman('run', '--rm', ...isolated, image, '--version')).toMatch(/^pulsecheck \d/)
  const answer = await podman(
    'run',
    '--rm',
    ...isolated,
    '--entrypoint=/usr/local/bin/node',
    image,
    '-e',
    refused,
  )
  expect(JSON.parse(answer)).toEqual({ files: expect.any(Number), refused: [] })
})

test('it checks, answers and ends', { timeout: 300_000 }, async () => {
  const port = await closedPort()
  const self = `--env=PULSECHECK_DEPENDENCY_SELF=http://127.0.0.1:${port}/healthz`
  const container = await podman(
    ...['run', '--detach', ...isolated, self, image],
    `--web.listen-address=127.0.0.1:${port}`,
  )
  onTestFinished(() => void execFileSync('podman', ['rm', '--force', '--time=0', container]))
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )
  await until(isReady, 'it is ready', 200_000)
  await podman('kill', '--signal=TERM', container)
  expect(await podman('wait', container)).toBe('0')
})
