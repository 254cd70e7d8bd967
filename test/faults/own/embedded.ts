/** Inside an application: what a process of ours cannot show. */
import type { OwnPart } from './play.ts'

const monitor = 'test/monitor/monitor.test.ts'

export const embedded: OwnPart = {
  title: 'Embedded in an application',
  plays: [],
  unplayed: [
    {
      id: 'E1',
      fault: 'two monitors in one process',
      why: 'they share nothing',
      heldBy: [`${monitor}: is one of several in a process`],
    },
    {
      id: 'E2',
      fault: 'the application blocks the event loop',
      why: 'lag is reported, and no failure: see O10',
      heldBy: ['test/schedule/run.test.ts: lets an answer that waits behind a stall count'],
    },
    {
      id: 'E3, E4',
      fault: 'stop twice, stop before start, what is left after stop',
      why: 'idempotent and bounded; no handle and no timer is left',
      heldBy: [
        `${monitor}: leaves no handle and no listener when it is stopped, even twice`,
        'test/schedule/scheduler.test.ts: stop before start is fine',
        'test/schedule/scheduler.test.ts: stop leaves nothing, may come twice, and does not wait for what never comes back',
      ],
    },
    {
      id: 'E5',
      fault: "the application's own pool or client dies",
      why: 'checks have connections of their own; borrowed clients are not supported yet',
    },
    {
      id: 'E6',
      fault: 'global state of the application',
      why: 'no listener on the process is added',
      heldBy: [`${monitor}: leaves no handle and no listener when it is stopped, even twice`],
    },
  ],
}
