import { type DeviceClient, Region } from '@vfio-user/core';
import { benchRegisters } from '@vfio-user/devices';
import type { Certificate } from '@vfio-user/support';
import { type Contender, sampled } from '../engine/contender.js';
import type { CPrograms } from '../floors/c-programs.js';
import type { ExchangeSizes } from '../floors/message-sizes.js';
import type { RowContext } from './row.js';

/** The register that is read: 4 bytes. */
const READ = { region: Region.BAR0, offset: benchRegisters.ID, count: 4 } as const;
const WARMUP = 5000;
const COUNT = 20_000;

/** Where a ping-pong in C takes place. */
export interface PingPongOptions {
  /** Path of a socket, or 127.0.0.1:0. */
  readonly address: string;
  readonly sizes: ExchangeSizes;
  readonly certificate?: Certificate | undefined;
}

/** Two blocking C programs that do nothing but send and receive as many bytes. */
export async function pingPong(
  { programs, cleanup }: RowContext,
  name: string,
  { address, sizes, certificate }: PingPongOptions,
): Promise<Contender> {
  const { requestBytes, replyBytes } = sizes;
  const server = cleanup.add(
    await programs.server({
      name: 'echo-server',
      args: [address, requestBytes, replyBytes],
      certificate,
    }),
  );
  const args = [server.address, requestBytes, replyBytes, WARMUP, COUNT];
  return sampled(name, () => programs.samples({ name: 'ping-pong', args, certificate }));
}

/** A blocking client in C of a vfio-user server that speaks the native encoding. */
export function clientInC(programs: CPrograms, name: string, address: string): Contender {
  const args = [address, READ.region, READ.offset, WARMUP, COUNT];
  return sampled(name, () => programs.samples({ name: 'region-client', args }));
}

/** Our own client, in this process. */
export function ownClient(name: string, client: DeviceClient): Contender {
  const { region, offset, count } = READ;
  return sampled(name, async () => {
    const nanoseconds = new Float64Array(COUNT);
    for (let i = 0; i < WARMUP; i++) await client.regionRead(region, offset, count);
    for (let i = 0; i < COUNT; i++) {
      const startedAt = performance.now();
      await client.regionRead(region, offset, count);
      nanoseconds[i] = (performance.now() - startedAt) * 1e6;
    }
    return nanoseconds;
  });
}
