import { describe, expect, test } from 'vitest'
import { type PageContent, pageMarkup } from '../../../src/server/page/document.ts'
import { downRow, noon, row, secondsAgo } from './rows.ts'

const everything = { status: '', q: '', open: new Set<string>() }

function page(content: Partial<PageContent>, overview: Partial<PageContent['overview']> = {}): string {
  return [
    ...pageMarkup({
      overview: {
        status: 'unavailable',
        summary: '1 of 4 critical dependencies is down',
        since: secondsAgo(240),
        at: new Date(noon).toISOString(),
        draining: false,
        ...overview,
      },
      rows: [],
      view: everything,
      links: [['/metrics', 'Metrics']],
      ...content,
    }),
  ].join('')
}

/** The text that a reader sees, in order: without templates and what is hidden. */
function seen(markup: string): string {
  return markup
    .replaceAll(/<template[\s\S]*?<\/template>/g, '')
    .replaceAll(/<(tbody|label|p)\b[^>]* hidden>[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<(head|title)\b[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ')
}

describe('it says first what is wrong and since when', () => {
  test.each([
    [
      {},
      /Unavailable : 1 of 4 critical dependencies is down since 11:56:00 UTC \(4 min\) as of 12:00:00 UTC/,
    ],
    [{ status: 'degraded', summary: 'x' } as const, /Degraded : x since/],
    [{ status: 'ok', summary: 'all 4 dependencies are up' } as const, /OK : all 4 dependencies are up since/],
    [{ summary: 'shutting down', since: null }, /Unavailable : shutting down as of/],
  ])('%o', (overview, expected) => {
    expect(seen(page({}, overview))).toMatch(expected)
  })

  test('then the dependencies, worst first', () => {
    const rows = [row({ name: 'a' }), row({ name: 'b', status: 'unknown' }), downRow({ name: 'c' })]
    const text = seen(page({ rows }))
    expect(text).toMatch(
      /down c critical postgres db:5432\/orders 4 min 11:56:00 UTC connection_error ECONNREFUSED connect ECONNREFUSED.* unknown b .* up a /,
    )
    expect(text).toMatch(/all 3 down 1 unknown 1 up 1/)
  })
})

describe('without a script', () => {
  const rows = [row({ name: 'a' }), downRow({ name: 'b' })]

  test('the filter hides rows, and its links keep the search', () => {
    const markup = page({ rows, view: { status: 'down', q: 'b', open: new Set() } })
    expect(seen(markup)).not.toContain(' a critical')
    expect(seen(markup)).toContain(' b critical')
    expect(markup).toContain('<a href="?status=up&amp;q=b" data-status="up">')
    expect(markup).toContain('data-status="down" aria-current="true">down')
    expect(markup).toContain('value="b"')
  })

  test('says it when nothing is left', () => {
    const view = { status: '', q: 'nothing', open: new Set<string>() }
    expect(seen(page({ rows, view }))).toContain('No dependency matches.')
    expect(seen(page({ rows }))).not.toContain('No dependency matches.')
  })

  test('a row opens by its link and closes again', () => {
    const closed = page({ rows })
    expect(closed).toContain('href="?open=b" aria-expanded="false"')
    expect(seen(closed)).not.toContain('Last failures')
    const open = page({ rows, view: { ...everything, open: new Set(['b']) } })
    expect(open).toContain('href="?" aria-expanded="true"')
    expect(seen(open)).toContain(
      'Last failures 11:59:58 UTC connection_error ECONNREFUSED connect ECONNREFUSED',
    )
  })

  test('it loads itself anew', () => {
    expect(page({})).toContain('<noscript><meta http-equiv="refresh" content="10"></noscript>')
  })
})

test('nothing from outside becomes markup', () => {
  const hostile = `"'><img src=x onerror=alert(1)><script>alert(2)</script>&amp;</template>\u0000`
  const failure = { at: secondsAgo(1), reason: 'error', detail: hostile, message: hostile }
  const bad = downRow({
    name: hostile,
    kind: hostile,
    target: hostile,
    labels: { [hostile]: hostile },
    lastFailure: { ...failure, meaning: hostile, remedy: hostile },
    recentFailures: [failure],
  })
  const view = { status: 'down', q: hostile, open: new Set([hostile]) }
  const rows = [bad, row()]
  const clean = page({
    rows: [downRow(), row()],
    view: { status: 'down', q: 'x', open: new Set(['orders-db']) },
  })
  const markup = page({ rows, view })
  const tags = (text: string) => [...text.matchAll(/<\/?([a-z0-9]+)/g)].map(([tag]) => tag).toSorted()
  // The clean page opens both rows, for they have one name; so only the sets of tags are the same.
  expect(new Set(tags(markup))).toEqual(new Set(tags(clean)))
  expect(markup).not.toContain('<img')
  expect(markup.match(/<script/g)).toHaveLength(1)
  expect(markup).not.toContain('\u0000')
  expect(markup).toContain('&lt;script&gt;alert(2)&lt;/script&gt;&amp;amp;&lt;/template&gt;\u{fffd}')
})

test('a thousand dependencies come in pieces', () => {
  const rows = Array.from({ length: 1_000 }, (_, i) => row({ name: `d${i}` }))
  const overview = { status: 'ok', summary: '', since: null, at: secondsAgo(0), draining: false } as const
  const pieces = [...pageMarkup({ overview, rows, view: everything, links: [] })]
  expect(pieces).toHaveLength(12)
  expect(pieces.join('').match(/<tbody[^>]* data-name="d/g)).toHaveLength(1_000)
})
