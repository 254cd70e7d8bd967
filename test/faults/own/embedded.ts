/** Inside an application: what a process of ours cannot show. */
import type { OwnPart } from './play.ts'

const monitor = 'test/monitor/monitor.test.ts'
const embeds = 'test/monitor/embedded.test.ts'

export const embedded: OwnPart = {
  title: 'Embedded in an application',
  plays: [],
  unplayed: [
    {
      id: 'E1',
      fault: 'two monitors in one process',
      why: 'they share nothing',
      heldBy: [
        `${monitor}: is one of several in a process`,
        `${embeds}: E1: both check, and each has its own results`,
      ],
    },
    {
      id: 'E2',
      fault: 'the application blocks the event loop',
      why: 'lag is reported, and no failure: see O10; the clock keeps the timers that it began with',
      heldBy: [
        'test/schedule/run.test.ts: lets an answer that waits behind a stall count',
        `${embeds}: E2: timers and dates that the application replaces do not reach the clock`,
      ],
    },
    {
      id: 'E3, E4',
      fault: 'stop twice, stop before start, what is left after stop',
      why: 'idempotent and bounded; no handle and no timer is left',
      heldBy: [
        `${monitor}: leaves no handle and no listener when it is stopped, even twice`,
        `${embeds}: E3: whatever is called in whatever order, a stop leaves nothing, and a start checks`,
        `${embeds}: E4: after the stop nothing is left, and the process ends by itself`,
        'test/schedule/scheduler.test.ts: stop before start is fine',
        'test/schedule/scheduler.test.ts: stop leaves nothing, may come twice, and does not wait for what never comes back',
      ],
    },
    {
      id: 'E5',
      fault: "the application's own pool or client dies",
      why: 'borrowed clients are never closed, and no listener is left on them',
      heldBy: [
        'test/kinds/postgres/pool.test.ts: one that dies takes nobody with it, and the pool goes on when it is back',
        'test/kinds/redis/client.test.ts: whose server is gone is told at once, and by name',
      ],
    },
    {
      id: 'E6',
      fault: 'global state of the application',
      why: 'no listener on the process is added',
      heldBy: [`${embeds}: E6: no listener, variable, agent, registry or global of the process is another`],
    },
  ],
}
