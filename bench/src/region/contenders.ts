import type { DeviceClient } from '@vfio-user/core';
import type { Contender } from '../measure/row.js';
import type { CPrograms } from '../programs/c-programs.js';
import type { Certificate } from '../programs/certificate.js';
import type { Setting } from '../rows/setting.js';
import { READ, type RoundTripSizes } from './sizes.js';

const WARMUP = 5000;
const COUNT = 20_000;

/** Where a ping-pong in C takes place. */
export interface PingPongPlace {
  /** Path of a socket, or 127.0.0.1:0. */
  readonly address: string;
  readonly sizes: RoundTripSizes;
  readonly certificate?: Certificate | undefined;
}

/** Two blocking C programs that do nothing but send and receive as many bytes. */
export async function pingPong(
  { programs, cleanup }: Setting,
  name: string,
  { address, sizes, certificate }: PingPongPlace,
): Promise<Contender> {
  const { request, reply } = sizes;
  const server = cleanup.add(
    await programs.server({ name: 'echo-server', args: [address, request, reply], certificate }),
  );
  const args = [server.address, request, reply, WARMUP, COUNT];
  return {
    name,
    measure: async () => ({
      nanoseconds: await programs.samples({ name: 'ping-pong', args, certificate }),
      depth: 1,
    }),
  };
}

/** A blocking client in C of a vfio-user server that speaks the native encoding. */
export function clientInC(programs: CPrograms, name: string, address: string): Contender {
  const args = [address, READ.region, READ.offset, WARMUP, COUNT];
  return {
    name,
    measure: async () => ({
      nanoseconds: await programs.samples({ name: 'region-client', args }),
      depth: 1,
    }),
  };
}

/** Our own client, in this process. */
export function ownClient(name: string, client: DeviceClient): Contender {
  const { region, offset, count } = READ;
  return {
    name,
    async measure() {
      const nanoseconds = new Float64Array(COUNT);
      for (let i = 0; i < WARMUP; i++) await client.regionRead(region, offset, count);
      for (let i = 0; i < COUNT; i++) {
        const startedAt = performance.now();
        await client.regionRead(region, offset, count);
        nanoseconds[i] = (performance.now() - startedAt) * 1e6;
      }
      return { nanoseconds, depth: 1 };
    },
  };
}
