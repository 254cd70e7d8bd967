/** Changes many dependencies of a store at one moment. */
import type { Dependency } from '../../src/model/dependency.ts'
import type { Store } from '../../src/state/store.ts'

interface Given {
  readonly forgotten?: readonly string[]
  readonly put?: readonly Dependency[]
  /** In their order. Default: those that are put. */
  readonly names?: readonly string[]
}

export async function replace(store: Store, { forgotten = [], put = [], names }: Given): Promise<void> {
  const order = names?.map(name => ({ name })) ?? put
  const change = await store.prepare({ forgotten: new Set(forgotten), put, order })
  change()
}
