import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import type { Family } from '../../src/exposition/family.ts'
import type { Group } from '../../src/exposition/group.ts'
import { accepts, bodyOf } from './families.ts'

type Pair = readonly [name: string, value: number]

/** Two families that must always show the same value: they tell a torn snapshot. */
const twins: readonly Family<Pair>[] = ['left', 'right'].map(name => ({
  name,
  help: 'x'.repeat(100),
  type: 'gauge',
  samples: ([key, value]) => [{ labels: { key }, value }],
}))

function gauge(
  name: string,
  samples: Family<Pair>['samples'] = ([key, value]) => [{ labels: { key }, value }],
) {
  return { name, help: name, type: 'gauge', samples } as Family<Pair>
}

async function read(exposition: ReturnType<typeof createExposition>, accept = accepts.text): Promise<string> {
  return String(bodyOf(await exposition.respond(accept, undefined)))
}

function samplesIn(body: string): readonly string[] {
  return body.split('\n').filter(line => line !== '' && !line.startsWith('#'))
}

/** With so many subjects of that size a body is far more than one piece. */
const padding = 'x'.repeat(500)
const many = 4_000

function large() {
  const exposition = createExposition()
  const group = exposition.group(twins)
  const setAll = (value: number) => {
    for (let i = 0; i < many; i++) group.set(`k${i}`, [`${i}-${padding}`, value])
  }
  setAll(0)
  return { exposition, group, setAll }
}

/** The distinct values in a body. */
function valuesIn(body: string): readonly string[] {
  return [...new Set(samplesIn(body).map(line => line.split(' ')[1]!))]
}

describe('groups', () => {
  test('come in the order in which they were added, and families without samples do not come', async () => {
    const exposition = createExposition()
    const first = exposition.group([gauge('b'), gauge('unused', () => [])])
    const second = exposition.group([gauge('a')])
    second.set('x', ['x', 1])
    first.set('x', ['x', 2])
    expect(await read(exposition)).toBe(
      '# HELP b b\n# TYPE b gauge\nb{key="x"} 2\n# HELP a a\n# TYPE a gauge\na{key="x"} 1\n',
    )
  })

  test.each(['text', 'openMetrics', 'protobuf'] as const)(
    'an empty exposition is a valid body: %s',
    async format => {
      const expected = format === 'openMetrics' ? '# EOF\n' : ''
      expect(await read(createExposition(), accepts[format])).toBe(expected)
    },
  )

  test('a change replaces, a deletion removes, and a new subject may take the place', async () => {
    const exposition = createExposition()
    const group = exposition.group([gauge('a')])
    await read(exposition)
    for (const key of ['x', 'y', 'z']) group.set(key, [key, 1])
    group.set('y', ['a much longer key than before', 2])
    expect(samplesIn(await read(exposition))).toEqual([
      'a{key="x"} 1',
      'a{key="a much longer key than before"} 2',
      'a{key="z"} 1',
    ])
    group.delete('y')
    group.delete('never there')
    expect(samplesIn(await read(exposition))).toEqual(['a{key="x"} 1', 'a{key="z"} 1'])
    group.set('new', ['new', 3])
    expect(samplesIn(await read(exposition)).toSorted()).toEqual([
      'a{key="new"} 3',
      'a{key="x"} 1',
      'a{key="z"} 1',
    ])
  })

  test('what is deleted is in no format that is asked for later, and in no samples', async () => {
    const exposition = createExposition()
    const group = exposition.group([gauge('a')])
    for (const key of ['x', 'y']) group.set(key, [key, 1])
    group.delete('x')
    expect(samplesIn(await read(exposition))).toEqual(['a{key="y"} 1'])
    expect(await exposition.samples()).toMatchObject([{ samples: [{ labels: { key: 'y' } }] }])
  })

  test('a group added after a scrape is shown by the next', async () => {
    const exposition = createExposition()
    await read(exposition)
    exposition.group([gauge('late')]).set('x', ['x', 1])
    expect(samplesIn(await read(exposition))).toEqual(['late{key="x"} 1'])
  })

  test.each([
    ['the same name', gauge('a'), gauge('a')],
    ['a counter and the gauge of its OpenMetrics name', { ...gauge('a_total'), type: 'counter' }, gauge('a')],
    ['a histogram and the gauge of its sum', { ...gauge('a'), type: 'histogram' }, gauge('a_sum')],
    ['creation times', { ...gauge('a_total'), type: 'counter' }, gauge('a_created')],
  ])('refuses %s, in one group and in two', (_, one, other) => {
    const families = [one, other] as Family<Pair>[]
    expect(() => createExposition().group(families)).toThrow(TypeError)
    const exposition = createExposition()
    exposition.group([one as Family<Pair>])
    expect(() => exposition.group([other as Family<Pair>])).toThrow(/two families show the name a/)
  })

  test('refuses a counter that does not end in _total', () => {
    expect(() => createExposition().group([{ ...gauge('a'), type: 'counter' } as Family<Pair>])).toThrow(
      '_total',
    )
  })
})

test('those that follow the families hear of each that is there, and of each that comes, until the end', () => {
  const exposition = createExposition()
  exposition.group([gauge('a')])
  exposition.collect([gauge('b')], (): Pair => ['x', 1])
  const [early, late]: string[][] = [[], []]
  const end = exposition.follow(({ name }) => early!.push(name))
  exposition.group([gauge('c')])
  exposition.follow(({ name }) => late!.push(name))
  end()
  exposition.group([gauge('d'), gauge('e')])
  expect([early, late]).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c', 'd', 'e'],
  ])
})

describe('errors', () => {
  test('a family that throws has no samples of that subject; all else goes on, and it is told', async () => {
    const errors: unknown[] = []
    const exposition = createExposition({ onError: error => errors.push(error) })
    const failure = new Error('unreadable')
    const bad = gauge('bad', ([key, value]) => {
      if (key === 'x') throw failure
      return [{ labels: { key }, value }]
    })
    const group = exposition.group([bad, gauge('good')])
    for (const key of ['x', 'y']) group.set(key, [key, 1])
    expect(samplesIn(await read(exposition))).toEqual([
      'bad{key="y"} 1',
      'good{key="x"} 1',
      'good{key="y"} 1',
    ])
    group.set('x', ['x', 2])
    expect(errors).toEqual([failure, failure])
  })
})

describe('a snapshot is one moment', () => {
  test('whatever changes while it is read', async () => {
    const { exposition, setAll } = large()
    const { body, release } = await exposition.respond(accepts.text, undefined)
    let text = ''
    let pieces = 0
    let round = 0
    for (const piece of body as Iterable<Buffer>) {
      text += piece
      if (pieces++ % 16 === 0) setAll(++round)
    }
    expect(round).toBeGreaterThan(3)
    expect(valuesIn(text)).toEqual(['0'])
    // Until then, others share it for a second.
    release!()
    expect(valuesIn(await read(exposition))).toEqual([String(round)])
  })

  test('whatever changes while it is compressed', async () => {
    const { exposition, setAll } = large()
    await read(exposition)
    const compressing = exposition.respond(accepts.text, 'gzip')
    await new Promise(resolve => setImmediate(resolve))
    setAll(1)
    expect(valuesIn(String(gunzipSync(bodyOf(await compressing))))).toHaveLength(1)
  })

  test('changes and deletions while a format catches up are in it', async () => {
    const { exposition, group, setAll } = large()
    const first = read(exposition)
    await new Promise(resolve => setImmediate(resolve))
    setAll(1)
    group.delete('k3999')
    group.set('new', ['new', 1])
    const body = await first
    expect(valuesIn(body)).toEqual(['1'])
    expect(samplesIn(body)).toHaveLength(2 * many)
  })
})

describe('bodies', () => {
  test('have the length that they say, and are the same plain and compressed', async () => {
    const { exposition } = large()
    const plain = await exposition.respond(accepts.openMetrics, undefined)
    const compressed = await exposition.respond(accepts.openMetrics, 'gzip')
    const [body, bytes] = [bodyOf(plain), await bodyOf(compressed)]
    expect(Buffer.isBuffer(plain.body)).toBe(false)
    expect(plain).not.toHaveProperty('contentEncoding')
    expect(body.length).toBe(plain.contentLength)
    expect(compressed.contentEncoding).toBe('gzip')
    expect(bytes.length).toBe(compressed.contentLength)
    expect(gunzipSync(bytes).equals(body)).toBe(true)
  })

  test('a gzip body is one single member', async () => {
    const { exposition } = large()
    const bytes = bodyOf(await exposition.respond(accepts.text, 'gzip'))
    // The trailer of a member is the length of what it holds: that of the only one is the length of all.
    expect(bytes.readUInt32LE(bytes.length - 4)).toBe(gunzipSync(bytes).length)
  })
})

describe('sharing', () => {
  test('scrapes that come together share one compression and one reading', async () => {
    let readings = 0
    const exposition = createExposition()
    exposition.collect(
      [gauge('a')],
      (): Pair => ['x', readings],
      async () => {
        readings += 1
        await new Promise(resolve => setImmediate(resolve))
      },
    )
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => exposition.respond('text/plain', 'gzip')),
    )
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
    expect(readings).toBe(1)
    await exposition.respond('text/plain', 'gzip')
    expect(readings).toBe(2)
  })

  test('a snapshot that a slow reader holds is shared for a second and no longer', async () => {
    let now = 5_000
    const exposition = createExposition({ now: () => now })
    const group = exposition.group(twins)
    const setAll = (value: number) => {
      for (let i = 0; i < many; i++) group.set(`k${i}`, [`${i}-${padding}`, value])
    }
    setAll(1)
    const slow = await exposition.respond(accepts.text, undefined)
    setAll(2)
    now = 5_999
    expect(valuesIn(await read(exposition))).toEqual(['1'])
    now = 6_000
    expect(valuesIn(await read(exposition))).toEqual(['2'])
    setAll(3)
    slow.release!()
    expect(valuesIn(await read(exposition))).toEqual(['3'])
  })
})

describe('what is pulled', () => {
  test('is read at each scrape; without its samples the others still come', async () => {
    const errors: unknown[] = []
    const exposition = createExposition({ onError: error => errors.push(error) })
    let value = 1
    exposition.collect([gauge('pulled')], (): Pair => {
      if (value === 2) throw new Error('cannot be read')
      return ['x', value]
    })
    exposition.group([gauge('pushed')]).set('x', ['x', 5])
    expect(samplesIn(await read(exposition))).toEqual(['pulled{key="x"} 1', 'pushed{key="x"} 5'])
    value = 2
    expect(samplesIn(await read(exposition))).toEqual(['pushed{key="x"} 5'])
    expect(errors).toEqual([new Error('cannot be read')])
    value = 3
    expect(samplesIn(await read(exposition))).toEqual(['pulled{key="x"} 3', 'pushed{key="x"} 5'])
  })

  test('a group sets what time alone has changed before each scrape', async () => {
    const exposition = createExposition()
    let now = 0
    const group: Group<Pair> = exposition.group([gauge('age')], {
      refresh: () => group.set('x', ['x', now]),
    })
    now = 7
    expect(samplesIn(await read(exposition))).toEqual(['age{key="x"} 7'])
  })
})

describe('one moment', () => {
  test('what is slow to prepare comes first, then changes under way, then what is read at once', async () => {
    const order: string[] = []
    const exposition = createExposition()
    let changes = 2
    exposition.group([gauge('pushed')], {
      wait: () => (changes-- > 0 ? Promise.resolve().then(() => void order.push('changed')) : undefined),
      refresh: () => order.push('refresh'),
    })
    const read = (): Pair => {
      order.push('read')
      return ['x', 1]
    }
    exposition.collect([gauge('pulled')], read, async () => {
      await new Promise(resolve => setImmediate(resolve))
      order.push('prepared')
    })
    await exposition.respond(undefined, undefined)
    expect(order).toEqual(['prepared', 'changed', 'changed', 'refresh', 'read'])
  })

  test('waits for the changes of every group', async () => {
    const exposition = createExposition()
    exposition.group([gauge('settled')], { wait: () => undefined })
    let change: Promise<void> | undefined = new Promise(resolve => setImmediate(resolve)).then(() => {
      group.set('x', ['x', 1])
      change = undefined
    })
    const group = exposition.group([gauge('changing')], { wait: () => change })
    expect(samplesIn(await read(exposition))).toEqual(['changing{key="x"} 1'])
  })

  test('a preparation that fails costs its own families alone', async () => {
    const errors: unknown[] = []
    const exposition = createExposition({ onError: error => errors.push(error) })
    let fails = true
    exposition.collect(
      [gauge('pulled')],
      (): Pair => ['x', 1],
      async () => {
        if (fails) throw new Error('cannot be measured')
      },
    )
    exposition.group([gauge('pushed')]).set('x', ['x', 5])
    expect(samplesIn(await read(exposition))).toEqual(['pushed{key="x"} 5'])
    expect(errors).toEqual([new Error('cannot be measured')])
    fails = false
    expect(samplesIn(await read(exposition))).toEqual(['pulled{key="x"} 1', 'pushed{key="x"} 5'])
    fails = true
    expect(samplesIn(await read(exposition))).toEqual(['pushed{key="x"} 5'])
  })
})

describe('samples', () => {
  test('are what the bytes say, in their order, and a family that throws has none', async () => {
    const errors: unknown[] = []
    const exposition = createExposition({ onError: error => errors.push(error) })
    const broken = gauge('broken', () => {
      throw new Error('no samples')
    })
    const group = exposition.group([gauge('pushed'), broken])
    group.set('x', ['x', 5])
    group.set('y', ['y', 6])
    exposition.collect([gauge('pulled')], (): Pair => ['z', 7])
    expect(await exposition.samples()).toEqual([
      {
        name: 'pushed',
        help: 'pushed',
        type: 'gauge',
        samples: [
          { labels: { key: 'x' }, value: 5 },
          { labels: { key: 'y' }, value: 6 },
        ],
      },
      { name: 'broken', help: 'broken', type: 'gauge', samples: [] },
      { name: 'pulled', help: 'pulled', type: 'gauge', samples: [{ labels: { key: 'z' }, value: 7 }] },
    ])
    expect(errors).toHaveLength(2)
  })
})

describe('formats', () => {
  test('are rendered only once they are asked for, and no longer than they are', () => {
    let now = 0
    let rendered = 0
    const counting = gauge('a', ([key, value]) => {
      rendered += 1
      return [{ labels: { key }, value }]
    })
    const exposition = createExposition({ now: () => now, keepMs: 1_000 })
    const group = exposition.group([counting])
    const renderings = async (run: () => unknown) => {
      rendered = 0
      await run()
      return rendered
    }
    const set = () => group.set('x', ['x', 1])
    return expect(
      (async () => [
        await renderings(set),
        await renderings(() => read(exposition)),
        await renderings(set),
        await renderings(() => read(exposition, accepts.openMetrics)),
        await renderings(set),
        await renderings(() => {
          now = 999
          return read(exposition)
        }),
        await renderings(() => {
          now = 1_500
          set()
        }),
        await renderings(() => {
          now = 3_000
          set()
        }),
        await renderings(() => read(exposition)),
      ])(),
    ).resolves.toEqual([0, 1, 1, 1, 2, 0, 1, 0, 1])
  })
})
