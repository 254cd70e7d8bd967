/**
 * Families as bytes, kept ready: samples are rendered when their subject changes, and a scrape only gathers them.
 * docs/design/0002-exposition.md says why it is done so.
 */
import type { Readable } from 'node:stream'
import type { Snapshot } from './body.ts'
import { append, type Pages } from './column.ts'
import { createEdition, type Edition, singleFlight } from './edition.ts'
import type { Family } from './family.ts'
import type { Format } from './format.ts'
import { createGroup, type Group, type KeptGroup } from './group.ts'
import { acceptsGzip, chooseFormat, type FormatName } from './negotiation.ts'
import { createProtobuf } from './protobuf.ts'
import { exposedNames } from './series.ts'
import { createOpenMetrics, createText } from './text.ts'

/** The answer to one scrape. */
export interface ExpositionResponse {
  readonly contentType: string
  readonly contentEncoding?: 'gzip'
  /** The body's length in bytes. */
  readonly contentLength: number
  /** A stream where the body is large and not compressed. Read it or destroy it: until then its snapshot stays in memory. */
  readonly body: Buffer | Readable
}

export interface Exposition {
  /**
   * A new group: families over subjects of one type. The families of all groups are shown in the order in which they
   * were added.
   *
   * @throws TypeError if a name is not valid, or clashes with one that any format shows already.
   */
  group<Subject>(families: readonly Family<Subject>[]): Group<Subject>
  /**
   * One scrape, as the request's `Accept` and `Accept-Encoding` ask for it: a consistent snapshot. Scrapes that come
   * while another is being prepared share it; one that comes while slow readers hold a snapshot shares theirs if it is
   * under a second old. Rejects only with what `refresh` rejects with.
   */
  respond(accept: string | undefined, acceptEncoding: string | undefined): Promise<ExpositionResponse>
}

export interface ExpositionOptions {
  /** Called before each snapshot, to set what changes by itself, such as metrics of the process. */
  readonly refresh?: () => void | Promise<void>
  /** Told when a family throws. That family then has no samples of that subject; all else goes on. */
  readonly onError?: (error: unknown) => void
  /** How long a format is kept rendered after it was last asked for. Default: 10 minutes, in milliseconds. */
  readonly keepMs?: number
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

interface Shelf {
  readonly edition: Edition
  askedAt: number
}

export function createExposition(options: ExpositionOptions = {}): Exposition {
  const formats: Readonly<Record<FormatName, Format>> = {
    text: createText(),
    openMetrics: createOpenMetrics(),
    protobuf: createProtobuf(),
  }
  const { keepMs = 600_000, now = () => performance.now(), onError = () => {} } = options
  const refresh = singleFlight(async () => options.refresh?.())
  const names = new Set<string>()
  const groups: KeptGroup<never>[] = []
  const shelves = new Map<Format, Shelf>()

  function keep(format: Format): Shelf {
    for (const group of groups) group.keep(format)
    const caughtUp = Promise.all(groups.map(group => group.catchUp(format)))
    const take = async () => {
      await caughtUp
      await refresh()
      return snapshot(groups, format)
    }
    const shelf = { edition: createEdition(take, now), askedAt: now() }
    shelves.set(format, shelf)
    return shelf
  }

  function dropUnasked(): void {
    for (const [format, shelf] of shelves) {
      if (now() - shelf.askedAt < keepMs) continue
      shelves.delete(format)
      for (const group of groups) group.drop(format)
    }
  }

  return {
    group<Subject>(families: readonly Family<Subject>[]): Group<Subject> {
      claim(names, families)
      const group = createGroup(families, onError)
      for (const format of shelves.keys()) group.keep(format)
      groups.push(group)
      return {
        set(key, subject) {
          dropUnasked()
          group.set(key, subject)
        },
        delete: group.delete,
      }
    },

    async respond(accept, acceptEncoding) {
      const format = formats[chooseFormat(accept)]
      const shelf = shelves.get(format) ?? keep(format)
      shelf.askedAt = now()
      const { contentType } = format
      if (acceptsGzip(acceptEncoding)) {
        const body = await shelf.edition.gzipped()
        return { contentType, contentEncoding: 'gzip', contentLength: body.length, body }
      }
      const { body, size } = await shelf.edition.plain()
      return { contentType, contentLength: size, body }
    },
  }
}

function claim(names: Set<string>, families: readonly Family<never>[]): void {
  const claimed = families.flatMap(exposedNames)
  const clash = claimed.find((name, i) => names.has(name) || claimed.indexOf(name) !== i)
  if (clash !== undefined) throw new TypeError(`two families show the name ${clash}`)
  for (const name of claimed) names.add(name)
}

function snapshot(groups: readonly KeptGroup<never>[], format: Format): Snapshot {
  const pages: Pages = { blocks: [], used: [] }
  let size = 0
  for (const group of groups) size += group.snapshot(format, pages)
  append(pages, format.tail)
  return { pages, size: size + format.tail.length }
}
