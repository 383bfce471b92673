import { TestDeviceDriver } from '@vfio-user/drivers';
import type { Certificate } from '@vfio-user/support';
import { type Contender, sampled } from '../engine/contender.js';
import { DmaArea } from '../workloads/dma-area.js';
import { BLOCK_BYTES } from './copy-contenders.js';
import { iperf3 } from './iperf3.js';
import { ownCertificate, plugIn, type Row, type RowContext, secureUri } from './row.js';

const TARGET = 0.8;
const WEB_SOCKET_TARGET = 0.4;

const WHAT = '1 MiB of guest memory moved by the device, four blocks under way at once.';

/** DMA of 1 MiB blocks over TCP, against one stream of iperf3 on the same path. */
export async function tcpDma(context: RowContext): Promise<Row> {
  const floor = await iperf3(context, 'iperf3, one stream');
  return row(context, 'tcp', { uri: 'tcp://127.0.0.1:0', floor });
}

/** The same over TLS 1.3, against two C programs on OpenSSL. */
export async function tlsDma(context: RowContext): Promise<Row> {
  const certificate = ownCertificate(context.folder);
  const floor = await secureStream(context, 'a stream in C on OpenSSL', certificate);
  return row(context, 'tls', { uri: secureUri('tls', certificate), floor });
}

/** The same in WebSocket messages, against the same over TCP. */
export async function wsDma(context: RowContext): Promise<Row> {
  const floors = await messageDma(context, 'tcp', 'tcp://127.0.0.1:0');
  const subjects = await messageDma(context, 'ws', 'ws://127.0.0.1:0/');
  return {
    name: 'ws-dma',
    what: WHAT,
    contenders: [...floors, ...subjects],
    comparisons: floors.map((floor, i) => ({
      subject: subjects[i] as Contender,
      floor,
      quantity: 'rate',
      target: WEB_SOCKET_TARGET,
    })),
  };
}

interface NetworkDma {
  /** Where `serve bench` listens. */
  readonly uri: string;
  readonly floor: Contender;
}

async function row(context: RowContext, scheme: string, { uri, floor }: NetworkDma): Promise<Row> {
  const [reads, writes] = await messageDma(context, scheme, uri);
  return {
    name: `${scheme}-dma`,
    what: WHAT,
    contenders: [floor, reads, writes],
    comparisons: [reads, writes].map((subject) => ({
      subject,
      floor,
      quantity: 'rate',
      target: TARGET,
    })),
  };
}

/** Transfers under way at once. */
const DEPTH = 4;
/** Each has its own place, in the guest and in the device. */
const FOOTPRINT = DEPTH * BLOCK_BYTES;
const PACE = { chunk: BLOCK_BYTES, depth: DEPTH } as const;
/** Blocks of a measurement: some tenths of a second. */
const BLOCKS = 512;

/**
 * Start `serve bench` on a URI, whose DMA engine reads and writes blocks of 1 MiB of guest memory by
 * messages. In every round, other data goes to the device and back, and is compared.
 *
 * @param options more arguments of `serve`.
 */
export async function messageDma(
  { cleanup, launcher }: RowContext,
  name: string,
  uri: string,
  options: readonly string[] = [],
): Promise<readonly [reads: Contender, writes: Contender]> {
  const settings = [`memory=${FOOTPRINT}`];
  const server = cleanup.add(await launcher.device('bench', uri, settings, options));
  const guest = cleanup.add(await plugIn(server.address, 2 * FOOTPRINT));
  const driver = await TestDeviceDriver.withInterrupt(guest.client);
  const area = new DmaArea(guest, driver, FOOTPRINT);
  const contender = (what: string, reads: number, writes: number): Contender =>
    sampled(`${name}: ${what}`, async () => {
      area.fill(FOOTPRINT);
      const reading = await area.load(0, FOOTPRINT, { ...PACE, repeat: reads });
      const writing = await area.store(0, FOOTPRINT, { ...PACE, repeat: writes });
      area.verify(FOOTPRINT);
      return [((reads > writes ? reading : writing) * 1e6) / BLOCKS];
    });
  const passes = BLOCKS / DEPTH;
  return [contender('DMA reads', passes, 1), contender('DMA writes', 1, passes)];
}

/** Asked for at once: enough that asking does not count. */
const STREAM_BLOCKS = 64;
const REQUEST_BYTES = 8;
const WARMUP = 1;
const COUNT = 8;

/** Two C programs on OpenSSL, one of which sends what the other one receives. */
async function secureStream(
  { programs, cleanup }: RowContext,
  name: string,
  certificate: Certificate,
): Promise<Contender> {
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
    return Array.from(streams, (each) => each / STREAM_BLOCKS);
  });
}
