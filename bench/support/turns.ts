/** Two sides that take turns in one run, so that whatever else the machine does hits both. */
import { median } from './statistics.ts'

export interface Turns {
  /** Medians over all rounds. */
  readonly ours: number
  readonly theirs: number
  /** The median of each round's own ratio. */
  readonly ratio: number
}

/** What two sides measured in one round. */
export interface Round<Measured> {
  readonly ours: Measured
  readonly theirs: Measured
}

/**
 * As many rounds of one turn each; who begins alternates.
 *
 * @param warmUps rounds before them that do not count.
 */
export async function playRounds<Measured>(
  rounds: number,
  ours: () => Promise<Measured>,
  theirs: () => Promise<Measured>,
  warmUps = 1,
): Promise<readonly Round<Measured>[]> {
  const played: Round<Measured>[] = []
  for (let round = -warmUps; round < rounds; round++) {
    const first = round % 2 === 0 ? await ours() : await theirs()
    const second = round % 2 === 0 ? await theirs() : await ours()
    const turn = round % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first }
    if (round >= 0) played.push(turn)
  }
  return played
}

/** The same with one number each. */
export async function takeTurns(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
  warmUps = 1,
): Promise<Turns> {
  return summarize(await playRounds(rounds, ours, theirs, warmUps))
}

export function summarize(rounds: readonly Round<number>[]): Turns {
  return {
    ours: median(rounds.map(({ ours }) => ours)),
    theirs: median(rounds.map(({ theirs }) => theirs)),
    ratio: median(rounds.map(({ ours, theirs }) => ours / theirs)),
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
