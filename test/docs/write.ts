/** Brings the tables of the documents up to date: `npm exec -c "node test/docs/write.ts"`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documents, read, root } from './documents.ts'
import { withTables } from './tables.ts'

for (const file of documents) writeFileSync(join(root, file), withTables(read(file)))
