/** The examination of a server through a client of the application, which the check neither opens nor closes. */
import { Client } from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { examine } from '../../../src/kinds/postgres/examine.ts'
import { isServerError, nameServerError } from '../../../src/kinds/postgres/failures.ts'
import { queriesOf } from '../../../src/kinds/postgres/session.ts'
import { checkContext } from '../../support/context.ts'
import { checkerPassword, type PostgresServer, startPostgres } from '../../support/postgres.ts'

const demand = { role: 'primary', writable: true, pooler: false, query: 'SELECT 1' } as const

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

test('a borrowed client is examined, and stays open', async () => {
  const borrowed = new Client({
    ...{ host: '127.0.0.1', port: server.port, database: 'orders' },
    ...{ user: 'checker', password: checkerPassword },
  })
  await borrowed.connect()
  onTestFinished(() => borrowed.end())
  const { context, trace } = checkContext()
  const session = queriesOf(borrowed)
  await examine(session, demand, context)
  expect(trace.read().measurements).toEqual({ in_recovery: 0 })
  const error = await examine(session, { ...demand, query: 'SELECT nothing' }, context).catch(error => error)
  expect(isServerError(error) && nameServerError(error)).toMatchObject({
    reason: 'unhealthy',
    detail: '42703',
  })
  expect((await borrowed.query('SELECT 2 AS two')).rows).toEqual([{ two: 2 }])
})
