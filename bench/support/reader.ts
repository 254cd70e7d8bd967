/** A client in a process of its own: it reads a path when it is told to, and says how many bytes came. */
import { readOrder } from './child.ts'
import { type Headers, read } from './scraper.ts'

export interface Reading {
  readonly port: number
  readonly path: string
  readonly headers: Headers
}

readOrder()
process.on('message', async ({ port, path, headers }: Reading) => {
  process.send?.({ bytes: await read(port, path, headers) })
})
process.send?.({})
