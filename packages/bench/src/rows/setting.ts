import type { CPrograms } from '../floors/c-programs.js';
import type { Cleanup } from './cleanup.js';
import type { Launcher } from './launcher.js';
import type { Row } from './row.js';

/** What rows are set up with. */
export interface Setting {
  readonly programs: CPrograms;
  /** Takes all that the row opens. */
  readonly cleanup: Cleanup;
  /** For sockets; its name is short enough for one. */
  readonly folder: string;
  readonly launcher: Launcher;
  /** Socket of another vfio-user server to measure `unix-region-read` against as well. */
  readonly otherServer?: string | undefined;
}

/** Sets a row up. */
export type RowFactory = (setting: Setting) => Promise<Row>;
