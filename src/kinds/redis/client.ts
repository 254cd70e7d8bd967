/**
 * A Redis client for one check: one fresh connection, one command at a time, nothing retried and nothing left behind.
 */
import { AbstractConnector, Redis, type RedisOptions, ReplyError } from 'ioredis'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import type { Secret } from '../../model/secret.ts'
import { closedEarly, connect } from '../shared/connect.ts'
import type { IpFamily } from '../shared/options.ts'
import type { TlsOptions } from '../shared/tls.ts'
import { Gate } from './gate.ts'
import { refusal } from './refusal.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** How to come in at any node of one deployment. */
export interface Entry {
  readonly ipFamily?: IpFamily | undefined
  readonly tls?: TlsOptions | undefined
  readonly username?: string | undefined
  readonly password?: Secret | undefined
  readonly database?: number | undefined
}

export interface Client {
  /**
   * The reply to one command: strings, numbers, null and arrays of them.
   *
   * @throws CheckError for an error reply; or the error that ended the connection.
   */
  ask(command: string, ...args: (string | Buffer)[]): Promise<unknown>
}

/** A client over a driver, ours or borrowed, that somebody else connects and closes. */
export function clientOf(driver: Pick<Redis, 'call'>): Client {
  return {
    async ask(command, ...args) {
      // The driver's error holds the arguments of the command, a password among them: it ends here.
      return await driver.call(command, ...args).catch(error => {
        throw isReplyError(error) ? refusal(command, error.message) : closedEarly()
      })
    },
  }
}

/** By its name as well: a borrowed driver may be of another copy of the package. */
function isReplyError(error: unknown): error is Error {
  return error instanceof ReplyError || (error instanceof Error && error.name === 'ReplyError')
}

/** Hands the driver the connection that stands already. */
class HandingOver extends AbstractConnector {
  constructor(options: unknown) {
    super(0)
    this.stream = (options as { gate: unknown }).gate as typeof this.stream
  }

  override connect(): Promise<typeof this.stream> {
    return Promise.resolve(this.stream)
  }

  /** At once: the driver's own way says goodbye and keeps a timer. */
  override disconnect(): void {
    this.stream.destroy()
  }
}

/**
 * The driver's defaults reconnect for 73 seconds and wait behind LOADING. RESP2 has no push frames, and needs no HELLO,
 * which old servers and proxies lack. Logging in is `login`'s work: the driver would warn on the console, and pass over
 * a SELECT that fails.
 */
const driverOptions = {
  Connector: HandingOver,
  lazyConnect: true,
  protocol: 2,
  retryStrategy: null,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  enableReadyCheck: false,
  disableClientInfo: true,
  noDelay: false,
} as const satisfies RedisOptions

/** Connects, logs in, lets `talk` ask, and lets go. */
export async function converse<T>(
  { host, port }: Address,
  entry: Entry,
  context: CheckContext,
  talk: (client: Client) => Promise<T>,
): Promise<T> {
  const { ipFamily, tls } = entry
  const gate = new Gate(await connect({ host, port, ipFamily, tls }, context))
  const driver = new Redis(Object.assign({ gate }, driverOptions))
  driver.on('error', () => {})
  const client: Client = {
    async ask(command, ...args) {
      const reply = clientOf(driver).ask(command, ...args)
      gate.release()
      return await reply.catch(error => {
        throw gate.errored ?? error
      })
    },
  }
  try {
    await driver.connect().catch(() => {
      throw gate.errored ?? closedEarly()
    })
    await login(client, entry, context)
    context.enter('request')
    return await talk(client)
  } finally {
    driver.disconnect()
  }
}

/** The password goes as bytes, so that the driver's debug output (`DEBUG=ioredis:*`) does not spell it. */
async function login(client: Client, { username, password, database }: Entry, context: CheckContext) {
  if (password !== undefined || database) context.enter('auth')
  if (password !== undefined)
    await client.ask('AUTH', ...(username === undefined ? [] : [username]), Buffer.from(password.reveal()))
  if (database) await client.ask('SELECT', String(database))
}

/** PING, and nothing but PONG: other protocols also begin a line with a plus sign. */
export async function ping(client: Client): Promise<void> {
  if ((await client.ask('PING')) !== 'PONG')
    throw new CheckError('protocol_error', 'protocol_error', 'the reply to PING was not PONG')
}
