import type { Contender } from '../engine/contender.js';
import { regionReadSizes } from '../floors/message-sizes.js';
import { clientInC, ownClient, pingPong } from './region-contenders.js';
import { connect, ownCertificate, type Row, type RowContext, secureUri } from './row.js';

const ANY_PORT = '127.0.0.1:0';

/**
 * A 4-byte region read over TCP on the loopback interface, against ping-pongs in C of the same
 * sizes: by our client, and, to see the server alone, by a blocking C client.
 */
export async function tcpRegionRead(context: RowContext): Promise<Row> {
  const { programs, launcher, cleanup } = context;
  const floor = await pingPong(context, 'ping-pong in C', {
    address: ANY_PORT,
    sizes: regionReadSizes('portable'),
  });
  const nativeFloor = await pingPong(context, 'native sizes: ping-pong in C', {
    address: ANY_PORT,
    sizes: regionReadSizes('native'),
  });
  const subject = await ownPair(context, 'our client, serve bench', `tcp://${ANY_PORT}`);
  const native = cleanup.add(await launcher.device('bench', `tcp://${ANY_PORT}?encoding=native`));
  const { host } = new URL(native.address);
  const nativeSubject = clientInC(programs, 'native: C client, serve bench', host);
  return {
    name: 'tcp-region-read',
    what: `round trip of a 4-byte region read over TCP, ${bytesText()}.`,
    contenders: [floor, subject, nativeFloor, nativeSubject],
    comparisons: [
      { subject, floor, quantity: 'time', target: 1.2 },
      { subject: nativeSubject, floor: nativeFloor, quantity: 'time', target: 1.2 },
    ],
  };
}

/** The same over TLS 1.3, against a ping-pong in C on OpenSSL. */
export async function tlsRegionRead(context: RowContext): Promise<Row> {
  const certificate = ownCertificate(context.folder);
  const floor = await pingPong(context, 'ping-pong in C on OpenSSL', {
    address: ANY_PORT,
    sizes: regionReadSizes('portable'),
    certificate,
  });
  const subject = await ownPair(context, 'our client, serve bench', secureUri('tls', certificate));
  return {
    name: 'tls-region-read',
    what: `round trip of a 4-byte region read over TLS 1.3, ${bytesText()} before encryption.`,
    contenders: [floor, subject],
    comparisons: [{ subject, floor, quantity: 'time', target: 1.2 }],
  };
}

async function ownPair(
  { cleanup, launcher }: RowContext,
  name: string,
  uri: string,
): Promise<Contender> {
  const server = cleanup.add(await launcher.device('bench', uri));
  return ownClient(name, cleanup.add(await connect(server.address)));
}

function bytesText(): string {
  const { requestBytes, replyBytes } = regionReadSizes('portable');
  return `${requestBytes} bytes there and ${replyBytes} back`;
}
