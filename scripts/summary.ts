/** The plain last line of a test run, out of vitest's JSON report: `N passed, N failed, N skipped`. */
import { readFileSync } from 'node:fs'
import { argv, stdout } from 'node:process'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
}

const report: Report = JSON.parse(readFileSync(argv[2] ?? '', 'utf8'))
stdout.write(
  `${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped\n`,
)
