/** Two sides that take turns in one run, so that whatever else the machine does hits both. */
import { median } from './statistics.ts'

export interface Turns {
  /** Medians over all rounds. */
  readonly ours: number
  readonly theirs: number
  /** The median of each round's own ratio. */
  readonly ratio: number
}

/**
 * As many rounds of one turn each; who begins alternates.
 *
 * @param warmUps rounds before them that do not count.
 */
export async function takeTurns(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
  warmUps = 1,
): Promise<Turns> {
  const taken: { ours: number; theirs: number }[] = []
  for (let round = -warmUps; round < rounds; round++) {
    const first = round % 2 === 0 ? await ours() : await theirs()
    const second = round % 2 === 0 ? await theirs() : await ours()
    const turn = round % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first }
    if (round >= 0) taken.push(turn)
  }
  return {
    ours: median(taken.map(({ ours }) => ours)),
    theirs: median(taken.map(({ theirs }) => theirs)),
    ratio: median(taken.map(({ ours, theirs }) => ours / theirs)),
  }
}

/** A line of the table: both sides, their ratio, and the bar it is held to. */
export function line(
  peer: string,
  { ours, theirs, ratio }: Turns,
  bar: string,
  show: (value: number) => string = value => value.toFixed(0),
): Record<string, string> {
  return { pulsecheck: show(ours), [peer]: show(theirs), ratio: ratio.toFixed(2), bar }
}
