import {
  type Connection,
  type FrameSink,
  type Listener,
  type LogFields,
  type Logger,
  type ServerLimits,
  serve,
  silentLogger,
  type Transport,
  TransportRegistry,
} from '@vfio-user/core';
import { bench } from '@vfio-user/devices';
import { tcpTransport } from '@vfio-user/transport-tcp';
import type { Test } from 'tap';
import { type RdmaTransportOptions, rdmaTransport } from '../src/index.js';
import { FakeFabric } from './fake-fabric.js';

/** Little memory, so that connections are made quickly. */
const SMALL = { receiveSlots: 16, slotBytes: 1024, stagingBytes: 2 ** 16, chunkBytes: 2 ** 12 };

/** What was logged at warning level and above. */
export class Warnings {
  readonly texts: string[] = [];

  get logger(): Logger {
    const note = ({ reason = '' }: LogFields, message: string): void => {
      this.texts.push(`${message}: ${reason}`);
    };
    return { ...silentLogger, warn: note, error: note };
  }
}

/** One machine with an adapter: a registry with `tcp:` and `rdma:`. */
export function machine(fabric: FakeFabric, options: Partial<RdmaTransportOptions> = {}) {
  const bootstrap = tcpTransport();
  return new TransportRegistry([bootstrap, rdmaOver(bootstrap, fabric, options)]);
}

/** `rdma:` with an adapter. */
export function rdmaOver(
  bootstrap: Transport,
  fabric: FakeFabric,
  options: Partial<RdmaTransportOptions> = {},
): Transport {
  return rdmaTransport({ bootstrap, verbs: fabric, ...SMALL, ...options });
}

/** The bench device behind `rdma:` on a machine of its own. */
export async function serveBench(
  t: Test,
  {
    fabric = new FakeFabric(),
    query = '',
    warnings = new Warnings(),
    options = {} as Partial<RdmaTransportOptions>,
    limits = {} as Partial<ServerLimits>,
  } = {},
) {
  const registry = machine(fabric, options);
  const server = await serve({
    definition: bench,
    options: { memory: 2 ** 20, vectors: 4 },
    registry,
    listen: `rdma://127.0.0.1:0${query}`,
    logger: warnings.logger,
    limits,
  });
  t.teardown(() => server.close());
  return { server, registry, fabric, warnings };
}

/** A sink that notes what comes. */
export class Notes implements FrameSink {
  readonly frames: number[] = [];
  readonly closes: (Error | undefined)[] = [];

  onFrame({ length }: { length: number }): void {
    this.frames.push(length);
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.closes.push(error);
  }
}

export type { Connection, Listener };
