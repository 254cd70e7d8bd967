/** Redis through the application's own client, which the check never closes. Loaded when such a dependency is opened. */
import { type CheckContext, CheckError, type Checker } from '../../model/dependency.ts'
import { type Check, checkBothWays, type RedisClient, untilAborted } from '../shared/borrowed.ts'
import { type ClientOptions, isCluster } from './borrowed.ts'
import { clientOf } from './client.ts'
import { type Demand, examine, probeWrite } from './examine.ts'
import { askCluster } from './topology.ts'

/** @param fresh checks over a fresh connection, if that is wanted. */
export function openClient({ client, ...demand }: ClientOptions, fresh: Check | undefined): Checker {
  // One question at most is in the client's queue, however long it gets no answer.
  let unanswered: Promise<unknown> | undefined
  const viaClient: Check = async context => {
    refuseDisconnected(client)
    context.enter('request')
    if (unanswered !== undefined) await untilAborted(unanswered, context.signal)
    const asked = ask(client, demand, context).finally(() => {
      unanswered = undefined
    })
    unanswered = asked.catch(() => {})
    await untilAborted(asked, context.signal)
  }
  return {
    check: async context =>
      fresh === undefined ? await viaClient(context) : await checkBothWays(fresh, viaClient, context),
  }
}

async function ask(client: RedisClient, demand: Demand, context: CheckContext): Promise<void> {
  const { signal } = context
  const driver = clientOf(client)
  const patient: typeof driver = {
    async ask(...command) {
      signal.throwIfAborted()
      return await driver.ask(...command)
    },
  }
  if (!isCluster(client)) return await examine(patient, demand, context)
  await askCluster(patient)
  if (demand.writable) await probeWrite(patient, demand.writeKey)
}

/** It would queue the question, and answer it once it is connected again: a minute too late. */
const lost = new Set(['reconnecting', 'close', 'disconnecting', 'end'])

function refuseDisconnected({ status }: RedisClient): void {
  if (!lost.has(status)) return
  const message = `the application's client has no connection (status ${status})`
  throw new CheckError('connection_error', 'client_disconnected', message)
}
