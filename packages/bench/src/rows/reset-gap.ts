import {
  type Connection,
  connectDevice,
  Region,
  type Transport,
  TransportRegistry,
} from '@vfio-user/core';
import { benchRegisters } from '@vfio-user/devices';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { type Contender, sampled } from '../engine/contender.js';
import { ownCertificate, type Row, type RowContext, secureUri } from './row.js';

const RESETS = 100;
const READ = { region: Region.BAR0, offset: benchRegisters.ID, count: 4 } as const;
const RESET = new Error('the connection is reset');

/**
 * How long a read takes whose connection is reset, over TCP and over TLS, beside one for which a
 * session is begun.
 */
export async function resetGap(context: RowContext): Promise<Row> {
  const tcp = await contendersOf(context, 'tcp', 'tcp://127.0.0.1:0');
  const tls = await contendersOf(context, 'tls', secureUri('tls', ownCertificate(context.folder)));
  return {
    name: 'reset-gap',
    what: 'a 4-byte region read whose connection is reset.',
    contenders: [...tcp, ...tls],
    comparisons: [tcp, tls].map(([subject, floor]) => ({ subject, floor, quantity: 'time' })),
  };
}

async function contendersOf(
  { cleanup, launcher }: RowContext,
  scheme: string,
  listen: string,
): Promise<[reset: Contender, anew: Contender]> {
  const through = cleanup.add(await launcher.device('bench', listen));
  const { links, transport } = remembered(tcpTransport());
  const registry = new TransportRegistry([transport]);
  const client = cleanup.add(await connectDevice(through.address, { registry }));
  const reset = sampled(`${scheme}: a read through a reset`, () =>
    times(async () => {
      links.pop()?.abort(RESET);
      await client.regionRead(READ.region, READ.offset, READ.count);
    }),
  );
  const beside = cleanup.add(await launcher.device('bench', listen));
  const plain = new TransportRegistry([tcpTransport()]);
  const anew = sampled(`${scheme}: a new session, a read`, () =>
    times(async () => {
      const next = await connectDevice(beside.address, { registry: plain });
      await next.regionRead(READ.region, READ.offset, READ.count);
      await next.close();
    }),
  );
  return [reset, anew];
}

/** A transport for clients that remembers the links it has made. */
function remembered(inner: Transport): { links: Connection[]; transport: Transport } {
  const links: Connection[] = [];
  const transport: Transport = {
    schemes: inner.schemes,
    queryKeys: inner.queryKeys,
    encodingFor: (uri) => inner.encodingFor?.(uri) ?? 'native',
    async connect(uri, accept, context) {
      const link = await inner.connect(uri, accept, context);
      links.push(link);
      return link;
    },
    listen: (uri, accept, context) => inner.listen(uri, accept, context),
  };
  return { links, transport };
}

/** How long each of {@link RESETS} operations takes, ns. */
async function times(operation: () => Promise<void>): Promise<ArrayLike<number>> {
  const nanoseconds = new Float64Array(RESETS);
  for (let i = 0; i < RESETS; i++) {
    const startedAt = performance.now();
    await operation();
    nanoseconds[i] = (performance.now() - startedAt) * 1e6;
  }
  return nanoseconds;
}
