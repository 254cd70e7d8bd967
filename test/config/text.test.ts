import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { decode, type FileText, maxConfigBytes, readFileText, readSettled } from '../../src/config/text.ts'
import { directoryOf, problemsOf } from './loading.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const why = (source: FileText) => (source.ok ? source.text : `${source.line}: ${source.problem.message}`)

test.each([
  ['text', utf8('a: 1\n'), 'a: 1\n'],
  ['a byte order mark', utf8('\ufeffa: 1'), 'a: 1'],
  ['nothing', utf8(''), '1: is empty'],
  ['blanks', utf8(' \n\t\n'), '1: is empty'],
  [
    'a byte that is not UTF-8 on line 3',
    Buffer.concat([utf8('a: é\nb: 2\nc: '), Buffer.from([0xff, 0x0a])]),
    '3: is not UTF-8',
  ],
  ['a character cut at the end', utf8('a: é').subarray(0, 4), '1: is not UTF-8'],
  ['UTF-16', Buffer.from('\ufeffa: 1', 'utf16le'), '1: is UTF-16, not UTF-8'],
  ['too much', utf8('a'.repeat(101)), '1: is larger than 0.09765625 KiB'],
])('decodes %s', (_, bytes, expected) => {
  expect(why(decode(bytes, 100))).toBe(expected)
})

test('reads regular files alone', async () => {
  const directory = await directoryOf({ 'good.yml': 'a: 1', 'large.yml': 'a'.repeat(maxConfigBytes + 1) })
  execFileSync('mkfifo', [join(directory, 'pipe')])
  const read = async (name: string) => why(await readFileText(join(directory, name), maxConfigBytes))
  expect(await read('good.yml')).toBe('a: 1')
  expect(await read('large.yml')).toBe('1: is larger than 1024 KiB')
  expect(await read('.')).toBe('1: is a directory, not a file')
  expect(await read('pipe')).toBe('1: is not a regular file')
  expect(await read('none.yml')).toBe('1: does not exist')
  expect(await read('good.yml/none')).toBe('1: does not exist')
  expect(why(await readFileText('/dev/zero', maxConfigBytes))).toBe('1: is not a regular file')
})

test('a file that may not be read says so', async () => {
  const directory = await directoryOf({ 'pulsecheck.yml': 'a: 1' })
  execFileSync('chmod', ['-R', 'a+rX', directory])
  execFileSync('chmod', ['000', join(directory, 'pulsecheck.yml')])
  const script = `
    const { readFileText } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/config/text.ts'))})
    if (process.getuid() === 0) process.setuid(65534)
    const source = await readFileText(${JSON.stringify(join(directory, 'pulsecheck.yml'))}, 1000)
    process.stdout.write(source.ok ? 'read' : source.problem.message)`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(said).toBe('may not be read by this user')
})

test('line breaks of Windows and a byte order mark change nothing, not even the places', async () => {
  const text = '# comment\ndependencies:\n  one: tcp://a:1\n  two: { kind: tpc }\n'
  const expected = ['pulsecheck.yml:4:16: dependencies.two.kind: unknown kind tpc; did you mean tcp?']
  expect(await problemsOf(text)).toEqual(expected)
  expect(await problemsOf(`\ufeff${text.replaceAll('\n', '\r\n')}`)).toEqual(expected)
})

test('the problems of a file as a whole are at its beginning', async () => {
  expect(await problemsOf('')).toEqual(['pulsecheck.yml:1:1: is empty'])
  expect(await problemsOf('# nothing but a comment\n')).toEqual([
    'pulsecheck.yml:1:1: expected a map, got nothing',
  ])
})

const readings = (...texts: string[]) => {
  let next = 0
  const read = async (): Promise<FileText> => ({
    ok: true,
    text: texts[Math.min(next++, texts.length - 1)] ?? '',
  })
  return { read, count: () => next }
}

test('a file is settled when two readings agree', async () => {
  const growing = readings('a', 'ab', 'abc', 'abc', 'abcd')
  let pauses = 0
  const pause = async () => void pauses++
  expect(why(await readSettled(growing.read, pause))).toBe('abc')
  expect([growing.count(), pauses]).toEqual([4, 3])
})

test('a file that never settles is refused', async () => {
  let n = 0
  const read = async (): Promise<FileText> => ({ ok: true, text: String(n++) })
  expect(why(await readSettled(read, async () => {}))).toBe('1: keeps changing while it is read')
})
