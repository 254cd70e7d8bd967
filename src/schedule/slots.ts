/**
 * The global concurrency limit. A check that hangs holds its slot for the whole timeout, so hanging checks could hold all
 * slots. They get at most half of them, and checks that answer wait for them no longer than they must.
 *
 * Which checks hang is not known beforehand. A check that runs for longer than is fair to those that wait is treated as
 * hanging from then on. If the hanging half is full, it gives way: it is ended, and starts again later with more time.
 * After giving way often enough, it waits with the checks known to hang, where each gets its full timeout in turn.
 * Process schedulers call this a multilevel feedback queue.
 */
import type { TimerClock } from './clock.ts'

/** A check that wants a slot. */
export interface Claim {
  /** Whether the previous check ran into its deadline. */
  readonly hangs: boolean
  /** How often this check has already given way. */
  readonly gaveWay: number
  /** Milliseconds that the last successful check took; 0 if there was none. */
  readonly usualMs: number
  /** Called once when the slot is free, possibly before `take` returns. */
  start(): void
  /** Asks the check to end, release its slot and take another. Without this, it keeps its slot until it is done. */
  giveWay?(): void
}

export interface Slots {
  /** Starts the claim now or, in its turn, when a slot is free. */
  take(claim: Claim): void
  /** Removes a claim from the queue if it has not started. */
  leave(claim: Claim): void
  /** Passes the slot of a started claim on to the next one. */
  release(claim: Claim): void
  /** Slots in use. */
  readonly used: number
}

interface Holder {
  readonly startedAt: number
  hangs: boolean
  isLeaving: boolean
}

/** Even if every running check hung, every waiting one would start within this time. */
const startWithinMs = 1_000
/** The least time before a check gives way, and the factor by which it grows each time: 80, 320, 1,280 ms. */
const minPatienceMs = 20
const patienceFactor = 4
/** A check that has given way this often counts as hanging. */
const maxGaveWay = 4

/** @param limit the most checks in progress at a time; at least 1. */
export function createSlots(limit: number, clock: TimerClock): Slots {
  const hangingShare = Math.floor(limit / 2)
  // One queue for each number of times given way; the last is for checks that hang. Lower queues go first.
  const queues = Array.from({ length: maxGaveWay + 1 }, () => new Set<Claim>())
  const holders = new Map<Claim, Holder>()
  let usedByHanging = 0
  let cancelReview: (() => void) | undefined

  const rankOf = ({ hangs, gaveWay }: Claim) => (hangs ? maxGaveWay : Math.min(gaveWay, maxGaveWay))
  const waiting = () => queues.reduce((sum, { size }, rank) => (rank < maxGaveWay ? sum + size : sum), 0)
  const fits = (rank: number) =>
    holders.size < limit && (rank < maxGaveWay || usedByHanging < Math.max(1, hangingShare))

  const enter = (claim: Claim) => {
    const hangs = rankOf(claim) === maxGaveWay
    if (hangs) usedByHanging++
    holders.set(claim, { startedAt: clock.now(), hangs, isLeaving: false })
    claim.start()
  }
  const admit = () => {
    for (const [rank, queue] of queues.entries())
      for (const claim of queue) {
        if (!fits(rank)) return
        queue.delete(claim)
        enter(claim)
      }
  }
  /** Asks checks that have run for too long to give way, as long as others wait. */
  const review = () => {
    const now = clock.now()
    const fairMs = Math.min(startWithinMs, (startWithinMs * limit) / waiting())
    let wanted = waiting() - [...holders.values()].filter(({ isLeaving }) => isLeaving).length
    let next = now + minPatienceMs
    for (const [claim, holder] of holders) {
      if (holder.hangs || holder.isLeaving) continue
      const until = holder.startedAt + Math.max(fairMs, patienceMs(claim))
      if (until > now) next = Math.min(next, until)
      else if (usedByHanging < hangingShare) {
        holder.hangs = true
        usedByHanging++
      } else if (claim.giveWay !== undefined && wanted-- > 0) {
        holder.isLeaving = true
        claim.giveWay()
      }
    }
    cancelReview = clock.at(next, review)
  }
  const planReview = () => {
    if (waiting() > 0) cancelReview ??= clock.at(clock.now() + minPatienceMs, review)
    else {
      cancelReview?.()
      cancelReview = undefined
    }
  }

  return {
    take(claim) {
      const rank = rankOf(claim)
      if (fits(rank)) return enter(claim)
      queues[rank]?.add(claim)
      planReview()
    },
    leave(claim) {
      if (queues[rankOf(claim)]?.delete(claim)) planReview()
    },
    release(claim) {
      if (holders.get(claim)?.hangs) usedByHanging--
      holders.delete(claim)
      admit()
      planReview()
    },
    get used() {
      return holders.size
    },
  }
}

/** How long a check may run at least. A check that is usually slow is not taken for one that hangs. */
function patienceMs({ gaveWay, usualMs }: Claim): number {
  return Math.max(minPatienceMs * patienceFactor ** gaveWay, 2 * usualMs)
}
