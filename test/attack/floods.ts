/** More of everything: connections that say nothing, connections that come and go, scrapes, and guesses at passwords. */
import type { Socket } from 'node:net'
import { type Attack, get, keepOpen, open, repeat } from './client.ts'

export interface Flood extends Attack {
  /** At once. */
  readonly connections?: number
}

/** Connections that stay and never ask. Default: 2,500. @returns how many it made. */
export async function holdIdleConnections(attack: Flood): Promise<number> {
  const sockets = new Set<Socket>()
  let made = 0
  await repeat(attack, 20, () => {
    made += keepOpen(sockets, attack.connections ?? 2_500, () => open(attack, '').resume())
  })
  for (const socket of sockets) socket.destroy()
  return made
}

/** Connections that are closed as soon as they are there. Default: 200. @returns how many it made. */
export async function openAndClose(attack: Flood): Promise<number> {
  const sockets = new Set<Socket>()
  let made = 0
  await repeat(attack, 5, () => {
    made += keepOpen(sockets, attack.connections ?? 200, () => {
      const socket = open(attack, '').resume()
      return socket.once('connect', () => (Math.random() < 0.5 ? socket.resetAndDestroy() : socket.end()))
    })
  })
  for (const socket of sockets) socket.destroy()
  return made
}

/** Scrapes without a pause, compressed and not. Default: 16 connections. @returns how many requests it sent. */
export async function scrapeInLoops(attack: Flood): Promise<number> {
  const gzip = 'Accept-Encoding: gzip\r\n'
  return askInLoops(attack, attack.connections ?? 16, i => get('/metrics', i % 2 === 0 ? gzip : ''))
}

/** Log-ins with passwords that nobody has. Default: 64 connections. @returns how many requests it sent. */
export async function guessPasswords(attack: Flood): Promise<number> {
  return askInLoops(attack, attack.connections ?? 64, i => {
    const guess = Buffer.from(`${i % 3 === 0 ? 'nobody' : 'scraper'}:guess-${i}`).toString('base64')
    return get('/metrics', `Authorization: Basic ${guess}\r\n`)
  })
}

/** Each connection asks for the next when something of the last answer has come and nothing has followed for a moment. */
async function askInLoops(
  attack: Attack,
  connections: number,
  request: (i: number) => string,
): Promise<number> {
  const sockets = new Set<Socket>()
  let sent = 0
  await repeat(attack, 20, () => {
    keepOpen(sockets, connections, () => {
      const socket = open(attack, request(sent++))
      attack.answers?.read(socket)
      let next: NodeJS.Timeout | undefined
      socket.on('data', () => {
        clearTimeout(next)
        next = setTimeout(() => socket.writable && socket.write(request(sent++)), 3)
      })
      return socket
    })
  })
  for (const socket of sockets) socket.destroy()
  return sent
}
