/** Changes many dependencies of a store at one moment. */
import type { Replacement, Store } from '../../src/state/store.ts'

interface Given extends Partial<Omit<Replacement, 'forgotten'>> {
  readonly forgotten?: readonly string[]
}

/** @param given names are those that are put, where they are left out. */
export async function replace(store: Store, { forgotten = [], put = [], names }: Given): Promise<void> {
  const order = names ?? put.map(({ name }) => name)
  const change = await store.prepare({ forgotten: new Set(forgotten), put, names: order })
  change()
}
