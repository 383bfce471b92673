export { BenchError, WrongDataError } from './errors.js';
export { startEchoServer } from './floors/echo-server.js';
export { compareTables } from './report/compare.js';
export { reportCsv } from './report/csv.js';
export { PLOT_FORMATS, type PlotFormat, type PlotWriter, plotWriter } from './report/formats.js';
export { reportMarkdown } from './report/markdown.js';
export {
  type NamedReport,
  type Report,
  readReport,
  reportJson,
  reportSchema,
} from './report/report.js';
export { reportText, tableText } from './report/report-text.js';
export { describeRun } from './report/run-description.js';
export { BenchClient } from './run/client.js';
export type { ClientRequest } from './run/client-messages.js';
export { type MeasureContext, measure } from './run/measure.js';
export type { RunOptions } from './run/plan.js';
export { ratioOf, type Spread, spreadOf } from './statistics.js';
export type { BenchHost } from './targets/target.js';
export { TRANSPORT_NAMES } from './targets/transports.js';
export { WORKLOAD_NAMES, type WorkloadName } from './workloads/workload.js';

/**
 * The benchmark of `vfio-user bench`: the engine measures workloads on transports by turns with floors,
 * reports say what came out. What only some reports need is loaded for them.
 *
 * @packageDocumentation
 */
