/**
 * A Redis client for one check: a fresh connection and one command at a time. It retries nothing and leaves nothing behind.
 */
import { AbstractConnector, Redis, type RedisOptions, ReplyError } from 'ioredis'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import type { Secret } from '../../model/secret.ts'
import { connect } from '../shared/connect.ts'
import type { Endpoint, IpFamily } from '../shared/options.ts'
import { closedEarly } from '../shared/socket.ts'
import type { TlsOptions } from '../shared/tls.ts'
import { nameErrorReply } from './failures.ts'
import { Gate } from './gate.ts'

/** How to connect and log in to any node of one deployment. */
export interface Login {
  readonly ipFamily?: IpFamily | undefined
  readonly tls?: TlsOptions | undefined
  readonly username?: string | undefined
  readonly password?: Secret | undefined
  readonly database?: number | undefined
}

export interface Client {
  /**
   * Sends one command. The reply consists of strings, numbers, null and arrays of them.
   *
   * @throws CheckError for an error reply, or the error that ended the connection.
   */
  ask(command: string, ...args: (string | Buffer)[]): Promise<unknown>
}

/** Returns a client over a driver, our own or borrowed, that somebody else connects and closes. */
export function clientOf(driver: {
  call(command: string, ...args: (string | Buffer)[]): Promise<unknown>
}): Client {
  return {
    async ask(command, ...args) {
      // The driver's error contains the command's arguments, which may be a password. It goes no further.
      return await driver.call(command, ...args).catch(error => {
        throw isReplyError(error) ? nameErrorReply(command, error.message) : closedEarly()
      })
    },
  }
}

/** Recognized by name as well: a borrowed driver may come from another copy of the package. */
function isReplyError(error: unknown): error is Error {
  return error instanceof ReplyError || (error instanceof Error && error.name === 'ReplyError')
}

/** Gives the driver a connection that is already open. */
class OpenConnector extends AbstractConnector {
  constructor(options: unknown) {
    super(0)
    this.stream = (options as { gate: unknown }).gate as typeof this.stream
  }

  override connect(): Promise<typeof this.stream> {
    return Promise.resolve(this.stream)
  }

  /** Ends the connection at once. The driver's own connectors say goodbye and keep a timer. */
  override disconnect(): void {
    this.stream.destroy()
  }
}

/**
 * By default, the driver reconnects for 73 seconds and waits while the server answers LOADING. RESP2 has no push frames and
 * needs no HELLO, which old servers and proxies lack. `logIn` logs in: the driver would warn on the console, and ignore a
 * SELECT that fails.
 */
const driverOptions = {
  Connector: OpenConnector,
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

/** Connects, logs in, calls `talk`, and closes. */
export async function converse<T>(
  { host, port }: Endpoint,
  login: Login,
  context: CheckContext,
  talk: (client: Client) => Promise<T>,
): Promise<T> {
  const { ipFamily, tls } = login
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
    await logIn(client, login, context)
    context.enter('request')
    return await talk(client)
  } finally {
    driver.disconnect()
  }
}

/** Sends the password as bytes, so that the driver's debug output (`DEBUG=ioredis:*`) does not show it. */
async function logIn(client: Client, { username, password, database }: Login, context: CheckContext) {
  if (password !== undefined || database) context.enter('auth')
  if (password !== undefined)
    await client.ask('AUTH', ...(username === undefined ? [] : [username]), Buffer.from(password.reveal()))
  if (database) await client.ask('SELECT', String(database))
}

/** Requires PONG in reply to PING: other protocols also have lines that begin with a plus sign. */
export async function ping(client: Client): Promise<void> {
  if ((await client.ask('PING')) !== 'PONG')
    throw new CheckError('protocol_error', 'protocol_error', 'the reply to PING was not PONG')
}
