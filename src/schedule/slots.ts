/**
 * The global concurrency limit. What hangs holds a slot for its whole timeout and so could hold them all; it gets half
 * of them at most, and what answers never waits for it longer than it must.
 *
 * Nobody knows beforehand which checks hang. So a check that runs longer than is fair to those that wait counts as
 * hanging from then on, and where the hanging half is full, it gives way: it is ended, and starts again later with
 * more time. One that has given way often enough waits with those that are known to hang, where each gets its full
 * timeout in turn. Schedulers of processes call this a multilevel feedback queue.
 */
import type { TimerClock } from './clock.ts'

/** A check that wants a slot. */
export interface Claim {
  /** The check before it ran into its deadline. */
  readonly hangs: boolean
  /** How often this check has given way already. */
  readonly gaveWay: number
  /** Milliseconds that the last successful check took; 0 if there was none. */
  readonly usualMs: number
  /** The slot is there. Called once, perhaps before `take` returns. */
  start(): void
  /** The slot is wanted: end the check, release it, and take another. One that cannot keeps its slot to its end. */
  giveWay?(): void
}

export interface Slots {
  /** Starts the claim now or, in its turn, when a slot is free. */
  take(claim: Claim): void
  /** Takes a claim back out of the queue, if it has not started. */
  leave(claim: Claim): void
  /** Gives the slot of a claim that has started to the next one. */
  release(claim: Claim): void
  /** Slots in use. */
  readonly used: number
}

interface Holder {
  readonly startedAt: number
  hangs: boolean
  isLeaving: boolean
}

/** If all that runs hung, all that waits would still start within this. */
const startWithinMs = 1_000
/** Nothing gives way sooner than this, and by this factor later each time that it has given way: 80, 320, 1,280 ms. */
const minPatienceMs = 20
const patienceFactor = 4
/** A check that has given way so often counts as hanging. */
const maxGaveWay = 4

/** @param limit checks at the same time; at least 1. */
export function createSlots(limit: number, clock: TimerClock): Slots {
  const hangingShare = Math.floor(limit / 2)
  // By how often they gave way; the last is of those that hang. A lower queue goes first, and each is in order.
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
  /** Asks what has run for too long to give way, as long as others wait. */
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

/** How long a check may run at the least. One that is usually slow is not taken for one that hangs. */
function patienceMs({ gaveWay, usualMs }: Claim): number {
  return Math.max(minPatienceMs * patienceFactor ** gaveWay, 2 * usualMs)
}
