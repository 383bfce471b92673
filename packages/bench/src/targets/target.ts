import type { ServerAddress } from '../engine/messages.js';
import type { FloorPath } from '../floors/floor-servers.js';

/** Which of our devices a server runs. */
export type ServedDevice = 'bench' | 'nvme';

/** A running server of a target. */
export interface TargetServer extends ServerAddress {
  /** Of the process on this machine whose time counts as the server's. */
  readonly pid?: number;
}

/** What is measured: a transport of this machine, or a server elsewhere. */
export interface Target {
  readonly name: string;
  readonly uri: string;
  /** What floors run on, where there is one. */
  readonly path: FloorPath | undefined;
  /** `undefined`: there is no such device at this target. */
  server(device: ServedDevice | 'any'): Promise<TargetServer | undefined>;
  /** End what was started. */
  close(): Promise<void>;
}
