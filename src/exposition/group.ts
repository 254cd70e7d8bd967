/** Families over subjects of one type. The bytes of each subject are kept in every format that is in use. */
import { createBreather } from '../model/turns.ts'
import { append, type Column, createColumn, type Pages } from './column.ts'
import type { Family, FamilySamples, Format } from './family.ts'

/** Families over subjects of one type. */
export interface Group<Subject> {
  /**
   * Adds a subject, or replaces the one with this key. Its samples are rendered at once in each format that is kept, so
   * that a scrape finds them ready. Never throws: see `onError` of `createExposition`.
   */
  set(key: string, subject: Subject): void
  /** Removes the subject with this key, and its samples. */
  delete(key: string): void
}

/** What a group does before each snapshot. Both are asked in the same turn as the snapshot is taken. Neither may fail. */
export interface GroupHooks {
  /** While a change of several subjects is partly rendered: resolves when it is rendered. */
  readonly wait?: () => Promise<void> | undefined
  /** Sets what time alone has changed. */
  readonly refresh?: () => void
}

/** A group as the exposition sees it: with its samples in the formats that are kept. */
export interface KeptGroup<Subject> extends Group<Subject> {
  /** Keeps a format, for every subject that is set from now on. */
  keep(format: Format): void
  /** Renders the subjects that were set before the format was kept, in slices that leave the event loop free. */
  catchUp(format: Format): Promise<void>
  drop(format: Format): void
  /** Adds every family in a kept format to `pages`, and returns how many bytes that is. Families without samples are left out. */
  snapshot(format: Format, pages: Pages): number
  /** Reads the samples of every family from all subjects again. */
  read(): readonly FamilySamples[]
}

interface Entry<Subject> {
  readonly slot: number
  subject: Subject
}

export function createGroup<Subject>(
  families: readonly Family<Subject>[],
  onError: (error: unknown) => void,
): KeptGroup<Subject> {
  const entries = new Map<string, Entry<Subject>>()
  const free: number[] = []
  const kept = new Map<Format, readonly Column[]>()

  const columnsOf = (format: Format) => kept.get(format) ?? []

  /** A family that throws has no samples of this subject. The other families keep theirs. */
  function samples(format: Format, family: Family<Subject>, subject: Subject): Uint8Array {
    try {
      return format.samples(family, subject)
    } catch (error) {
      onError(error)
      return nothing
    }
  }

  /** @param before the subject whose samples are there. */
  function render(format: Format, { slot, subject }: Entry<Subject>, before?: Subject): void {
    const columns = columnsOf(format)
    families.forEach((family, i) => {
      if (before !== undefined && family.isSame?.(subject, before) === true) return
      columns[i]?.write(slot, samples(format, family, subject))
    })
  }

  return {
    set(key, subject) {
      const known = entries.get(key)
      const before = known?.subject
      const entry = known ?? { slot: free.pop() ?? entries.size, subject }
      entry.subject = subject
      entries.set(key, entry)
      for (const format of kept.keys()) render(format, entry, before)
    },

    delete(key) {
      const entry = entries.get(key)
      if (entry === undefined) return
      entries.delete(key)
      free.push(entry.slot)
      for (const columns of kept.values()) for (const column of columns) column.write(entry.slot, nothing)
    },

    keep(format) {
      kept.set(format, families.map(createColumn))
    },

    async catchUp(format) {
      const breathe = createBreather()
      for (const entry of entries.values()) {
        render(format, entry)
        await breathe()
      }
    },

    drop(format) {
      kept.delete(format)
    },

    snapshot(format, pages) {
      let size = 0
      columnsOf(format).forEach((column, i) => {
        const samplesSize = column.size()
        if (samplesSize === 0) return
        const head = format.head(families[i] as Family<never>, samplesSize)
        append(pages, head)
        column.snapshot(pages)
        size += head.length + samplesSize
      })
      return size
    },

    read: () => families.map(family => samplesOf(family, [...entries.values()], onError)),
  }
}

function samplesOf<Subject>(
  { name, help, type, samples }: Family<Subject>,
  entries: readonly Entry<Subject>[],
  onError: (error: unknown) => void,
): FamilySamples {
  const all = entries.flatMap(({ subject }) => {
    try {
      return [...samples(subject)]
    } catch (error) {
      onError(error)
      return []
    }
  })
  return { name, help, type, samples: all } as FamilySamples
}

const nothing = Buffer.alloc(0)
