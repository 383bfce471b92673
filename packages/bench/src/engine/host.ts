import type { TransportRegistry } from '@vfio-user/core';

/** What a benchmark needs of the command that it is part of. */
export interface BenchHost {
  /** The script of the command: `serve`, `bench echo` and `bench client` are run with it. */
  readonly script: string;
  readonly version: string;
  /** A registry with the transports that the URIs need. */
  loadTransports(uris: readonly string[]): Promise<TransportRegistry>;
}
