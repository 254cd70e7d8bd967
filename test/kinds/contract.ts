/** What every kind must do, whatever it asks: run it with a real server and with hostile ones. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Reason } from '../../src/model/dependency.ts'
import type { Kind } from '../../src/model/kind.ts'
import { check, type Options, startCheck } from '../support/check.ts'
import { type ByteServer, closedPort, serve, until } from '../support/net.ts'

export interface RealServer {
  readonly port: number
  stop(): Promise<void>
}

export interface Contract {
  readonly kind: Kind
  /** Options that are well for `real`, pointed at any loopback port. */
  readonly options: (port: number) => Options
  /** A server that works. */
  readonly real: () => Promise<RealServer>
  /** What garbage on the port is called; the first that fits the kind. */
  readonly garbage: readonly Reason[]
  /** Options with this secret in every place that can hold one. */
  readonly secretive: (port: number, secret: string) => Options
}

const hangMs = 300

export function contract({ kind, options, real, garbage, secretive }: Contract): void {
  describe(`the contract of every kind: ${kind.name}`, () => {
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

    test('says in its schema what each option is for', () => {
      const undescribed = Object.entries(kind.options.shape).filter(
        ([, schema]) => !described(schema as z.ZodType),
      )
      expect(undescribed.map(([key]) => key)).toEqual([])
    })

    test('up: a working server is ok, with its phases', async () => {
      const result = await check(kind, options(server.port))
      expect(result).toMatchObject({ ok: true })
      expect(result.phases.connect).toBeGreaterThan(0)
    })

    test('down: a closed port is connection_error', async () => {
      const result = await check(kind, options(await closedPort()))
      expect(result).toMatchObject({ ok: false, reason: 'connection_error', detail: 'ECONNREFUSED' })
    })

    test('hang: a server that never answers is a timeout, observed at the timeout', async () => {
      const silent = await serveOnce(() => {})
      const result = await check(kind, options(silent.port), hangMs)
      expect(result).toMatchObject({ ok: false, reason: 'timeout', detail: 'timeout', durationMs: hangMs })
      await until(() => silent.open.size === 0, 'the connection is gone')
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

    test('abort leaves no socket and no timer', async () => {
      const silent = await serveOnce(() => {})
      await until(() => hostile.every(one => one.open.size === 0), 'earlier connections are gone')
      const before = resources()
      const running = startCheck(kind, options(silent.port), 5_000)
      await until(() => silent.open.size === 1, 'the check is connected')
      running.abort()
      await running.settled
      await running.outcome
      await until(() => silent.open.size === 0, 'the connection is gone')
      await until(() => leftOver(before).length === 0, 'nothing is left beyond what was there before')
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

    test('no secret is in the target, or in what a failure says', async () => {
      const canary = 'c4n4ry/+ s3cr3t"%'
      const given = secretive(server.port, canary)
      const shown = [
        kind.target(kind.options.parse(given)),
        JSON.stringify(kind.options.parse(given)),
        JSON.stringify(await check(kind, given)),
      ]
      for (const text of shown) expect(text).not.toMatch(/c4n4ry|s3cr3t|YzRuNHJ5/)
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
  return process.getActiveResourcesInfo().filter(name => /TCP|TLS|Timeout|Pipe|GetAddrInfo/.test(name))
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
