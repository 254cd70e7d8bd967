/** The faults that Pulsecheck must survive: every one is played, or listed with why not, in docs/faults.md. */

/** Rows of each part, by the letter that their ids begin with. */
export const parts: Readonly<Record<string, { readonly title: string; readonly rows: number }>> = {
  N: { title: 'network', rows: 16 },
  D: { title: 'name resolution', rows: 9 },
  T: { title: 'TLS', rows: 11 },
  H: { title: 'HTTP', rows: 15 },
  P: { title: 'PostgreSQL', rows: 16 },
  R: { title: 'Redis', rows: 16 },
  Q: { title: 'TCP, and kinds to come', rows: 4 },
  S: { title: "Pulsecheck's own server", rows: 15 },
  C: { title: 'configuration and reload', rows: 15 },
  L: { title: 'labels, secrets, injection', rows: 8 },
  X: { title: 'requests on behalf of others', rows: 6 },
  O: { title: 'process, resources, time', rows: 20 },
  E: { title: 'embedded in an application', rows: 6 },
}

/** `N1`, `N2`, ... */
export const ids: readonly string[] = Object.entries(parts).flatMap(([letter, { rows }]) =>
  Array.from({ length: rows }, (_, i) => `${letter}${i + 1}`),
)

/** The ids of a row: `S1, S2` are two. */
export function idsOf(row: { readonly id: string }): readonly string[] {
  return row.id.split(', ')
}
