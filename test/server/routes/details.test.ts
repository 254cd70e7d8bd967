import { expect, test } from 'vitest'
import { wholeReport } from '../../../src/views/status.ts'
import { dependency } from '../../support/dependency.ts'
import { serving, world } from '../serving.ts'

test('/health is the status report, always 200', async () => {
  const w = world()
  w.record('orders-db', false)
  await using server = await serving(w.monitor)
  const response = await fetch(`${server.url}/health`)
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'application/json; charset=utf-8',
  ])
  expect(await response.json()).toEqual(wholeReport(w.monitor.statusParts()))
})

test('/health as health+json by Accept, with the status that the draft demands', async () => {
  const w = world()
  w.record('orders-db', false)
  await using server = await serving(w.monitor)
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
  const statusParts = () => {
    rendered++
    return w.monitor.statusParts()
  }
  await using server = await serving({ ...w.monitor, statusParts })
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

test('a report of ten megabytes is the JSON of the whole', async () => {
  const w = world()
  for (let i = 0; i < 2_000; i++) w.store.put(dependency({ name: `d${i}`, target: 'x'.repeat(5_000) }))
  await using server = await serving(w.monitor)
  const body = await (await fetch(`${server.url}/health`)).text()
  expect(body).toBe(JSON.stringify(JSON.parse(body)))
  expect(Object.keys(JSON.parse(body).dependencies)).toHaveLength(2_002)
})

test('/config is printed once, until it is another', async () => {
  let printed = 0
  const make = () => ({
    toJSON() {
      printed++
      return { printed }
    },
  })
  let current = make()
  await using server = await serving(world({ config: () => current }).monitor)
  const config = async () => (await fetch(`${server.url}/config`)).json()
  expect([await config(), await config()]).toEqual([{ printed: 1 }, { printed: 1 }])
  current = make()
  expect(await config()).toEqual({ printed: 2 })
  const head = await fetch(`${server.url}/config`, { method: 'HEAD' })
  expect(head.headers.get('content-length')).toBe(String(JSON.stringify({ printed: 2 }, null, 2).length))
})

test('/config is what the wiring shows', async () => {
  await using server = await serving(
    world({ config: () => ({ dependencies: { cache: { password: '<secret>' } } }) }).monitor,
  )
  const response = await fetch(`${server.url}/config`)
  expect(await response.json()).toEqual({ dependencies: { cache: { password: '<secret>' } } })
})
