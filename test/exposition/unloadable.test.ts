import { expect, test, vi } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'

vi.mock('../../src/exposition/protobuf.ts', () => {
  throw new Error('EMFILE: too many open files')
})

test('a format that cannot be loaded is answered as text, and told', async () => {
  const errors: unknown[] = []
  const exposition = createExposition({ onError: error => void errors.push(error) })
  exposition.collect(
    [
      {
        name: 'answers',
        help: 'Answers.',
        type: 'gauge',
        samples: (value: number) => [{ labels: {}, value }],
      },
    ],
    () => 42,
  )
  const protobuf =
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
  const { contentType, body } = await exposition.respond(protobuf, undefined)
  expect([contentType, String(body)]).toEqual([
    expect.stringMatching(/^text\/plain; version=0\.0\.4/),
    expect.stringContaining('answers 42'),
  ])
  expect(errors).toHaveLength(1)
})
