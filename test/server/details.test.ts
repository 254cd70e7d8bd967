import { expect, test } from 'vitest'
import { serving, world } from './serving.ts'

test('/health is the status report, always 200', async () => {
  const w = world()
  w.record('orders-db', false)
  await using server = await serving(w.sources)
  const response = await fetch(`${server.url}/health`)
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'application/json; charset=utf-8',
  ])
  expect(await response.json()).toEqual(w.sources.status())
})

test('/health as health+json by Accept, with the status that the draft demands', async () => {
  const w = world()
  w.record('orders-db', false)
  await using server = await serving(w.sources)
  const response = await fetch(`${server.url}/health`, { headers: { accept: 'application/health+json' } })
  expect([response.status, response.headers.get('content-type')]).toEqual([
    503,
    expect.stringMatching(/^application\/health\+json\b/),
  ])
  expect(await response.json()).toMatchObject({ status: 'fail' })
})

test('whoever asks in a loop gets the report rendered now and then', async () => {
  let rendered = 0
  const w = world()
  const status = () => {
    rendered++
    return w.sources.status()
  }
  await using server = await serving({ ...w.sources, status })
  await Promise.all(Array.from({ length: 50 }, () => fetch(`${server.url}/health`)))
  expect(rendered).toBeLessThan(50)
  const before = rendered
  await expect
    .poll(async () => {
      await fetch(`${server.url}/health`)
      return rendered
    })
    .toBeGreaterThan(before)
})

test('/config is what the wiring shows', async () => {
  await using server = await serving(
    world({ config: () => ({ dependencies: { cache: { password: '<secret>' } } }) }).sources,
  )
  const response = await fetch(`${server.url}/config`)
  expect(await response.json()).toEqual({ dependencies: { cache: { password: '<secret>' } } })
})
