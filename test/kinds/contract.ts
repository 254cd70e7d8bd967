/**
 * What kinds must do, whatever they ask: run it with real servers and with hostile ones.
 *
 * - `kindContract({ kind, works, hangs, secretive })`: what every kind passes (schema, up, hang, abort, close, secrets). It
 *   knows no port: `works` and `hangs` give whole options. For kinds over UDP, of programs, of functions.
 * - `connectionContract({ kind, options, real, garbage })`: what kinds pass beside it that open a TCP connection to a host
 *   and port of their options (closed port, early end, reset, garbage, flood, names, `ipFamily`).
 * - `contract({ kind, options, real, garbage, secretive })`: both, for kinds over TCP.
 */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { optionsOf } from '../../src/model/definition.ts'
import type { Reason } from '../../src/model/failure.ts'
import type { Kind } from '../../src/model/kind.ts'
import { check, type Options, openAsker, startCheck } from '../support/check.ts'
import { type ByteServer, closedPort, serve, until } from '../support/net.ts'

/** Something to ask, with the options that ask it. */
export interface Stage {
  readonly options: Options
  stop(): Promise<unknown>
}

/** Something that never answers. */
export interface HangingStage extends Stage {
  /** Whether a check has reached it. */
  hasHeard(): boolean
  /** Whether nothing of any check is left: no connection, no process. */
  isAlone(): boolean
}

export interface KindContract {
  readonly kind: Kind
  readonly works: () => Promise<Stage>
  readonly hangs: () => Promise<HangingStage>
  /** Options with this secret in every place that can hold one, for what works. */
  readonly secretive: (secret: string, works: Options) => Options
}

export interface RealServer {
  readonly port: number
  stop(): Promise<void>
}

export interface ConnectionContract {
  readonly kind: Kind
  /** Options that are well for `real`, pointed at any loopback port. */
  readonly options: (port: number) => Options
  /** A server that works. */
  readonly real: () => Promise<RealServer>
  /** What garbage on the port is called; the first that fits the kind. */
  readonly garbage: readonly Reason[]
}

export interface Contract extends ConnectionContract {
  /** Options with this secret in every place that can hold one. */
  readonly secretive: (port: number, secret: string) => Options
}

const hangMs = 300

export function contract({ secretive, ...connection }: Contract): void {
  const { kind, options, real } = connection
  let port = 0
  kindContract({
    kind,
    works: async () => {
      const server = await real()
      port = server.port
      return { options: options(port), stop: server.stop }
    },
    hangs: async () => {
      const silent = await serve(() => {})
      return {
        options: options(silent.port),
        hasHeard: () => silent.open.size > 0,
        isAlone: () => silent.open.size === 0,
        stop: silent.close,
      }
    },
    secretive: secret => secretive(port, secret),
  })
  connectionContract(connection)
}

export function kindContract({ kind, works, hangs, secretive }: KindContract): void {
  describe(`the contract of every kind: ${kind.name}`, () => {
    let working: Stage
    let hanging: HangingStage
    beforeAll(async () => {
      working = await works()
      hanging = await hangs()
    })
    afterAll(async () => {
      await working.stop()
      await hanging.stop()
    })
    const isAlone = () => until(hanging.isAlone, 'nothing of the check is left')

    test('says in its schema what each option is for', () => {
      const undescribed = Object.entries(optionsOf(kind).shape).filter(
        ([, schema]) => !described(schema as z.ZodType),
      )
      expect(undescribed.map(([key]) => key)).toEqual([])
    })

    test('up: what works is ok', async () => {
      expect(await check(kind, working.options)).toMatchObject({ ok: true })
    })

    test('hang: what never answers is a timeout, observed at the timeout', async () => {
      const result = await check(kind, hanging.options, hangMs)
      expect(result).toMatchObject({ ok: false, reason: 'timeout', detail: 'timeout', durationMs: hangMs })
      await isAlone()
    })

    test('abort leaves no socket and no timer', async () => {
      await isAlone()
      const before = resources()
      const running = startCheck(kind, hanging.options, 5_000)
      await until(hanging.hasHeard, 'the check is under way')
      running.abort()
      await running.settled
      await running.outcome
      await isAlone()
      await until(() => leftOver(before).length === 0, 'nothing is left beyond what was there before')
    })

    test('one checker serves many checks, and leaves nothing once it is closed', async () => {
      const before = resources()
      const asker = openAsker(kind, working.options)
      for (let i = 0; i < 2; i++) {
        const { outcome, settled } = asker.ask()
        expect(await outcome).toMatchObject({ ok: true })
        await settled
      }
      await asker.close()
      await until(() => leftOver(before).length === 0, 'nothing is left beyond what was there before')
    })

    test('no secret is in the target, or in what a failure says', async () => {
      const canary = 'c4n4ry/+ s3cr3t"%'
      const given = secretive(canary, working.options)
      const shown = [
        kind.target(optionsOf(kind).parse(given)),
        JSON.stringify(optionsOf(kind).parse(given)),
        JSON.stringify(await check(kind, given)),
      ]
      for (const text of shown) expect(text).not.toMatch(/c4n4ry|s3cr3t|YzRuNHJ5/)
    })
  })
}

export function connectionContract({ kind, options, real, garbage }: ConnectionContract): void {
  describe(`the contract of kinds over a connection: ${kind.name}`, () => {
    let server: RealServer
    const hostile: ByteServer[] = []
    const serveOnce = async (...args: Parameters<typeof serve>) => {
      const one = await serve(...args)
      hostile.push(one)
      return one
    }
    beforeAll(async () => {
      server = await real()
    })
    afterAll(async () => {
      await server.stop()
      for (const one of hostile) await one.close()
    })

    test('up: the phases of a working server begin with the connection', async () => {
      const result = await check(kind, options(server.port))
      expect(result).toMatchObject({ ok: true })
      expect(result.phases.connect).toBeGreaterThan(0)
    })

    test('down: a closed port is connection_error', async () => {
      const result = await check(kind, options(await closedPort()))
      expect(result).toMatchObject({ ok: false, reason: 'connection_error', detail: 'ECONNREFUSED' })
    })

    test('early end: a server that hangs up is connection_error', async () => {
      const rude = await serveOnce(socket => socket.end())
      expect(await check(kind, options(rude.port))).toMatchObject({ ok: false, reason: 'connection_error' })
    })

    test('reset: a server that resets is connection_error', async () => {
      const rude = await serveOnce(socket => {
        socket.once('data', () => socket.resetAndDestroy())
        const timer = setTimeout(() => socket.resetAndDestroy(), 50)
        socket.once('close', () => clearTimeout(timer))
      })
      expect(await check(kind, options(rude.port))).toMatchObject({ ok: false, reason: 'connection_error' })
    })

    test('garbage: other words on the port are named, and let go of', async () => {
      const noise = createHash('sha512').update('noise').digest()
      const babbler = await serveOnce(
        socket => socket.write(Buffer.concat([noise, Buffer.from('\r\n\r\n'), noise])) && socket.end(),
      )
      const result = await check(kind, options(babbler.port), hangMs)
      expect(result.ok ? [] : garbage).toContain(result.ok ? 'ok' : result.reason)
      await until(() => babbler.open.size === 0, 'the connection is gone')
    })

    test('flood: an endless answer is cut off within the check', async () => {
      const flood = await serveOnce(socket => {
        const chunk = Buffer.alloc(65_536, '0')
        const pour = () => {
          while (!socket.destroyed && socket.write(chunk));
        }
        socket.on('drain', pour)
        pour()
      })
      const before = process.memoryUsage().rss
      expect((await check(kind, options(flood.port))).ok).toBe(false)
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20)
    })

    test('a name that does not resolve is dns_error', async () => {
      const given = JSON.parse(
        JSON.stringify(options(server.port)).replaceAll('127.0.0.1', 'nowhere.invalid'),
      )
      expect(await check(kind, given)).toMatchObject({ ok: false, reason: 'dns_error' })
    })

    test('ipFamily says which addresses are dialled', async () => {
      const given = options(server.port)
      expect(await check(kind, { ...given, ipFamily: 'ipv4' })).toMatchObject({ ok: true })
      expect(await check(kind, { ...given, ipFamily: 'ipv6' })).toMatchObject({
        ok: false,
        reason: 'dns_error',
        detail: 'ENODATA',
      })
    })
  })
}

function described(schema: z.ZodType): boolean {
  if (z.globalRegistry.get(schema)?.description !== undefined) return true
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? described(schema.unwrap() as z.ZodType)
    : false
}

/** Sockets and timers of the process, by sort. */
function resources(): readonly string[] {
  return process
    .getActiveResourcesInfo()
    .filter(name => /TCP|TLS|UDP|Process|Timeout|Pipe|GetAddrInfo/.test(name))
}

/** What is there beyond a reading made before. What has gone since then is none of ours. */
function leftOver(before: readonly string[]): readonly string[] {
  const known = [...before]
  return resources().filter(name => {
    const at = known.indexOf(name)
    if (at !== -1) known.splice(at, 1)
    return at === -1
  })
}
