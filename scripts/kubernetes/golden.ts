/** Rendered manifests as a golden file keeps them: without the contents of rules and dashboards, which others test. */
import { readFileSync } from 'node:fs'
import { argv, stdout } from 'node:process'
import { parseAllDocuments, stringify } from 'yaml'

interface Manifest {
  readonly kind: string
  readonly spec?: { readonly groups?: unknown }
  readonly data?: Readonly<Record<string, string>>
}

for (const document of parseAllDocuments(readFileSync(argv[2] ?? '', 'utf8'))) {
  const manifest: Manifest | null = document.toJS()
  if (manifest !== null) stdout.write(`---\n${stringify(shorten(manifest), { lineWidth: 0 })}`)
}

function shorten(manifest: Manifest): object {
  if (manifest.spec?.groups !== undefined) return { ...manifest, spec: { groups: '...' } }
  const names = Object.keys(manifest.data ?? {})
  if (!names.some(name => name.endsWith('.json'))) return manifest
  return { ...manifest, data: Object.fromEntries(names.map(name => [name, '...'])) }
}
