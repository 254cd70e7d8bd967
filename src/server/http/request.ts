/** A request that ends the parsing of its connection when the connection has been cut. */
import { IncomingMessage } from 'node:http'

/**
 * Node parses all of a chunk it has read, even if the connection was destroyed at its first request, and keeps every
 * request of it until the connection is closed: some 10 MiB for 64 KiB. It stops at a request that asks for an upgrade,
 * for what follows is not HTTP, and destroys a connection whose upgrade nobody listens for. So that is what every
 * request of a destroyed connection says it asks for.
 */
export class Request extends IncomingMessage {
  private wantsUpgrade?: boolean

  get upgrade(): boolean {
    return this.wantsUpgrade === true || this.socket.destroyed
  }

  set upgrade(wants: boolean | null) {
    this.wantsUpgrade = wants === true
  }
}
