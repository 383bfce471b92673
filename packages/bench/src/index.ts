/**
 * The benchmark of `vfio-user bench`: the engine measures workloads on transports by turns with floors,
 * reports say what came out. What only some reports need is loaded for them.
 *
 * @packageDocumentation
 */
export { BenchClient } from './engine/client.js';
export type { BenchHost } from './engine/host.js';
export { type MeasureSetting, measure } from './engine/measure.js';
export type { ClientRequest } from './engine/messages.js';
export type { RunOptions } from './engine/options.js';
export { BenchError, WrongDataError } from './errors.js';
export { startEchoServer } from './floors/echo-server.js';
export { compareTables } from './report/compare.js';
export { reportCsv } from './report/csv.js';
export {
  PLOT_FORMATS,
  type PlotFormat,
  type PlotWriter,
  plotWriter,
} from './report/formats.js';
export { reportMarkdown } from './report/markdown.js';
export type { NamedReport } from './report/plots/series.js';
export { readReport, reportJson } from './report/report-file.js';
export { describeRun } from './report/run-text.js';
export { type Report, reportSchema } from './report/schema.js';
export { reportText, tableText } from './report/text.js';
export { ratioOf, type Spread, spreadOf } from './statistics.js';
export { TRANSPORT_NAMES } from './targets/transports.js';
export { TEST_NAMES, type TestName } from './workloads/test-case.js';
