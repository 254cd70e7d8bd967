/** Runs in a thread of its own, hence the separate file: one comparison takes tens of milliseconds of computing. */
import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'
import type { Compared, Comparison } from './bcrypt.ts'

parentPort?.on('message', ({ id, password, hashes }: Comparison) => {
  const matches = hashes.map(hash => compareSync(password, hash))
  parentPort?.postMessage({ id, matches } satisfies Compared)
})
