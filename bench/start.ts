/**
 * From exec to the first 200 of `/healthz`, as shipped, beside a bare `node:http` server that answers the same path.
 *
 *     node bench/start.ts [--rounds=15] [--image=localhost/pulsecheck:dev [--memory=96]]
 *
 * With `--image`, podman runs both in containers of that image, and what podman itself takes is part of both.
 */
import { hold } from './support/bars.ts'
import { startBareImage, startImage } from './support/image.ts'
import { parameters } from './support/parameters.ts'
import { type Started, startBare, startShipped } from './support/shipped.ts'
import { line, takeTurns } from './support/turns.ts'

const { rounds, image, memory } = parameters({ rounds: 15, image: '', memory: 96 })
const container = { image, memory }
const dependencies = { db: 'postgres://u:p@127.0.0.1:1/x', cache: 'redis://127.0.0.1:1' }

async function once(starting: Promise<Started>): Promise<number> {
  const { tookMs, stop } = await starting
  await stop()
  return tookMs
}

const turns = await takeTurns(
  rounds,
  () => once(image === '' ? startShipped({ dependencies }) : startImage({ dependencies }, container)),
  () => once(image === '' ? startBare() : startBareImage(container)),
)
hold({ what: 'start to the first 200', value: turns.ratio, unit: ' × bare node:http', atMost: 2.5 })
console.log(`start to the first 200 (ms), median of ${rounds}`)
console.table({ start: line('node:http', turns, 'at most 2.5') })
