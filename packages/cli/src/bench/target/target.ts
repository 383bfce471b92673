import { type DeviceClient, connectDevice, type TransportRegistry } from '@vfio-user/core';
import type { Encoding } from '../floor/message-sizes.js';
import type { TestServer } from '../tests/test-family.js';
import type { Path } from './transports.js';

/** Which of our devices a server runs. */
export type ServedDevice = 'bench' | 'nvme';

/** A running server of a target. */
export interface TargetServer extends TestServer {
  /** Of the process on this machine whose time counts as the server's. */
  readonly pid?: number;
}

/** What is measured: a transport of this machine, or a server elsewhere. */
export interface Target {
  readonly name: string;
  readonly uri: string;
  /** What floors run on, where there is one. */
  readonly path: Path | undefined;
  /** `undefined`: there is no such device at this target. */
  server(device: ServedDevice | 'any'): Promise<TargetServer | undefined>;
  /** End what was started. */
  close(): Promise<void>;
}

/** How long a request of a benchmark may stay unanswered, ms. */
const TIMEOUT_MS = 20_000;

/** A way to connect again and again. */
export function connector(
  uri: string,
  registry: TransportRegistry,
  signal: AbortSignal,
): () => Promise<DeviceClient> {
  return () => connectDevice(uri, { registry, signal, timeoutMs: TIMEOUT_MS });
}

/** What a URI speaks when it does not say. */
export function encodingOf(uri: string): Encoding {
  const asked = /[?&]encoding=(native|portable)/.exec(uri)?.[1] as Encoding | undefined;
  return asked ?? (/^(vfio-user\+)?(unix|fd):/.test(uri) ? 'native' : 'portable');
}
