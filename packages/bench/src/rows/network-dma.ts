import type { Entrant } from '../engine/measured.js';
import { secureStream } from '../floors/c-stream.js';
import { iperf3 } from '../floors/iperf3.js';
import { ownCertificate, secureUri } from './certificate.js';
import { messageDma } from './message-dma.js';
import type { Row } from './row.js';
import type { Setting } from './setting.js';

const TARGET = 0.8;

/** DMA of 1 MiB blocks over TCP, against one stream of iperf3 on the same path. */
export async function tcpDma(setting: Setting): Promise<Row> {
  const floor = await iperf3(setting, 'iperf3, one stream');
  return row(setting, 'tcp', { uri: 'tcp://127.0.0.1:0', floor, target: TARGET });
}

/** The same over TLS 1.3, against two C programs on OpenSSL. */
export async function tlsDma(setting: Setting): Promise<Row> {
  const certificate = ownCertificate(setting.folder);
  const floor = await secureStream(setting, 'a stream in C on OpenSSL', certificate);
  return row(setting, 'tls', { uri: secureUri('tls', certificate), floor });
}

/** The same in WebSocket messages, against the stream of iperf3 that has none. */
export async function wsDma(setting: Setting): Promise<Row> {
  const floor = await iperf3(setting, 'iperf3, one stream');
  return row(setting, 'ws', { uri: 'ws://127.0.0.1:0/', floor });
}

async function row(
  setting: Setting,
  scheme: string,
  {
    uri,
    floor,
    target,
  }: { readonly uri: string; readonly floor: Entrant; readonly target?: number },
): Promise<Row> {
  const { reads, writes } = await messageDma(setting, scheme, uri);
  return {
    name: `${scheme}-dma`,
    what: '1 MiB of guest memory moved by the device, four blocks under way at once.',
    contenders: [floor, reads, writes],
    comparisons: [reads, writes].map((subject) => ({
      subject,
      floor,
      quantity: 'rate',
      ...(target !== undefined && { target }),
    })),
  };
}
