import { PassThrough, Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { createLogger, logfmt } from '../../src/cli/logger.ts'

describe('logfmt', () => {
  test.each([
    [
      { ts: 't', level: 'info', msg: 'plain', a: 1, b: true, c: null },
      'ts=t level=info msg=plain a=1 b=true c=null\n',
    ],
    [{ msg: 'two words' }, 'msg="two words"\n'],
    [{ msg: 'a"b\\c' }, `${String.raw`msg="a\"b\\c"`}\n`],
    [{ msg: 'a=b' }, 'msg="a=b"\n'],
    [{ msg: '' }, 'msg=""\n'],
    [{ msg: 'line\nlevel=error msg=forged' }, `${String.raw`msg="line\nlevel=error msg=forged"`}\n`],
    [{ msg: '\u001b[31m' }, `${String.raw`msg="\u001b[31m"`}\n`],
    [{ deep: { a: [1] } }, `${String.raw`deep="{\"a\":[1]}"`}\n`],
  ])('%j', (fields, line) => {
    expect(logfmt(JSON.stringify(fields))).toBe(line)
  })
})

describe('the logger', () => {
  test('writes the time in UTC and the level by name', () => {
    const stream = new PassThrough()
    createLogger({ level: 'info', format: 'json', stream }).warn({ a: 1 }, 'hello')
    expect(JSON.parse(String(stream.read()))).toEqual({
      level: 'warn',
      ts: expect.stringMatching(/^\d{4}-.*Z$/),
      a: 1,
      msg: 'hello',
    })
  })

  test('drops what a reader that sleeps does not take, and says how much when it wakes', () => {
    const written: string[] = []
    const waiting: (() => void)[] = []
    const stream = new Writable({
      decodeStrings: false,
      write(chunk, _encoding, done) {
        written.push(String(chunk))
        waiting.push(done)
      },
    })
    const logger = createLogger({ level: 'info', format: 'logfmt', stream })
    for (let i = 0; i < 3_000; i++) logger.info({ i, filler: 'x'.repeat(1_000) }, 'line')
    expect(stream.writableLength).toBeLessThan(1.1 * 2 ** 20)
    const wake = () => {
      for (let done = waiting.shift(); done !== undefined; done = waiting.shift()) done()
    }
    while (waiting.length > 0) wake()
    logger.info({}, 'awake')
    wake()
    const last = written.at(-1)
    expect(last).toMatch(/msg=awake dropped=\d{4}\n$/)
  })

  test('survives a stream that fails', () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('ENOSPC')) })
    const logger = createLogger({ level: 'info', format: 'json', stream })
    expect(() => {
      for (let i = 0; i < 10; i++) logger.info({}, 'line')
    }).not.toThrow()
  })
})
