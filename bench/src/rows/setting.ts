import type { Row } from '../measure/row.js';
import type { CPrograms } from '../programs/c-programs.js';

/** What rows are set up with. */
export interface Setting {
  readonly programs: CPrograms;
  /** For sockets; its name is short enough for one. */
  readonly folder: string;
  /** Arguments for the Node that runs a server. */
  readonly nodeArgs: readonly string[];
  /** Socket of another vfio-user server to measure `unix-region-read` against as well. */
  readonly otherServer?: string | undefined;
}

/** Sets a row up; the row is closed by the caller. */
export type RowFactory = (setting: Setting) => Promise<Row>;
