import type { TransportRegistry } from '@vfio-user/core';
import type { Encoding } from '../floors/message-sizes.js';
import type { WorkloadServer } from '../workloads/workload.js';
import type { FloorSocket } from './transports.js';

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
  /** The plain socket of its floors, where there is one. */
  readonly socket: FloorSocket | undefined;
  /** `undefined`: there is no such device at this target. */
  server(device: ServedDevice | 'any'): Promise<TargetServer | undefined>;
  /** End what was started. */
  close(): Promise<void>;
}

/** What a benchmark needs of the command that it is part of. */
export interface BenchHost {
  /** The script of the command: `serve`, `bench echo` and `bench client` are run with it. */
  readonly script: string;
  readonly version: string;
  /** A registry with the transports that the URIs need. */
  loadTransports(uris: readonly string[]): Promise<TransportRegistry>;
}

/** A server, as plain data for another process. */
export interface ServerAddress {
  readonly uri: string;
  readonly kind: WorkloadServer['kind'];
  readonly encoding: Encoding;
}
