import type { Certificate } from '@vfio-user/support';
import type { Entrant } from '../engine/measured.js';
import { BLOCK_BYTES } from '../rows/in-process-copy.js';
import { sampled } from '../rows/row.js';
import type { Setting } from '../rows/setting.js';

/** Asked for at once: enough that asking does not count. */
const STREAM_BLOCKS = 64;
const REQUEST_BYTES = 8;
const WARMUP = 1;
const COUNT = 8;

/** Two C programs on OpenSSL, one of which sends what the other one receives. */
export async function secureStream(
  { programs, cleanup }: Setting,
  name: string,
  certificate: Certificate,
): Promise<Entrant> {
  const sizes = [REQUEST_BYTES, STREAM_BLOCKS * BLOCK_BYTES];
  const server = cleanup.add(
    await programs.server({
      name: 'echo-server',
      args: ['127.0.0.1:0', ...sizes],
      certificate,
    }),
  );
  const args = [server.address, ...sizes, WARMUP, COUNT];
  return sampled(name, async () => {
    const streams = await programs.samples({ name: 'ping-pong', args, certificate });
    return { nanoseconds: Array.from(streams, (each) => each / STREAM_BLOCKS), depth: 1 };
  });
}
