import { join } from 'node:path';
import { VfioUserError } from '@vfio-user/core';
import { Authority, type Certificate, certificateQuery } from '@vfio-user/support';
import { BenchError } from '../errors.js';
import type { Encoding } from '../floors/message-sizes.js';
import { rdmaAddress } from './rdma-address.js';
import { hasVsockLoopback, VSOCK_LOOPBACK_CID } from './vsock-loopback.js';

/** What below a transport plain sockets can be compared with. */
export type Path = 'unix' | 'tcp' | 'vsock';

/** Where things are while a run lasts. */
export interface Place {
  /** For sockets and keys; its name is short enough for the former. */
  readonly folder: string;
}

/** A transport of this machine. */
export interface LocalTransport {
  readonly name: string;
  readonly path: Path;
  readonly encoding: Encoding;
  /** Where a server of that name is to listen. */
  listenUri(server: string): string;
  /** Where to reach one that says where it listens. */
  connectUri(listening: string): string;
}

/** Set up to use it, or say why it cannot be used here. */
type Offer = (place: Place) => LocalTransport | { readonly reason: string };

interface Known {
  readonly offer: Offer;
  /** Part of a run that names no transports. */
  readonly usual: boolean;
}

const LOOPBACK = '127.0.0.1';
const same = (uri: string): string => uri;

const offers: Readonly<Record<string, Known>> = {
  unix: {
    usual: true,
    offer: ({ folder }) => ({
      name: 'unix',
      path: 'unix',
      encoding: 'native',
      listenUri: (server) => `unix://${join(folder, `${server}.sock`)}`,
      connectUri: same,
    }),
  },
  tcp: { usual: true, offer: () => network('tcp', `tcp://${LOOPBACK}:0`) },
  tls: { usual: true, offer: (place) => secure('tls', place) },
  ws: { usual: true, offer: () => network('ws', `ws://${LOOPBACK}:0/`) },
  wss: { usual: false, offer: (place) => secure('wss', place) },
  vsock: { usual: true, offer: () => vsock() },
  rdma: { usual: true, offer: rdma },
};

/** The names that `--transport` takes. */
export const TRANSPORT_NAMES: readonly string[] = Object.keys(offers);

/** What a run can use, and why not the rest. */
export interface OfferedTransports {
  readonly transports: readonly LocalTransport[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * The transports of those names, or all usual ones.
 * @throws {BenchError} when one that was named cannot be used.
 */
export function offeredTransports(names: readonly string[], place: Place): OfferedTransports {
  const wanted = names.length > 0 ? names : TRANSPORT_NAMES.filter((name) => offers[name]?.usual);
  const transports: LocalTransport[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const name of new Set(wanted)) {
    const known = offers[name];
    if (known === undefined) {
      const text = `no transport ${name}; there are: ${TRANSPORT_NAMES.join(', ')}`;
      throw new VfioUserError('VFU_CONFIG_INVALID', text);
    }
    const offer = known.offer(place);
    if (!('reason' in offer)) transports.push(offer);
    else if (names.length > 0) throw new BenchError(`${name}: ${offer.reason}`);
    else missing.push({ name, reason: offer.reason });
  }
  return { transports, missing };
}

function network(name: string, uri: string): LocalTransport {
  return { name, path: 'tcp', encoding: 'portable', listenUri: () => uri, connectUri: same };
}

function secure(name: string, place: Place): LocalTransport | { readonly reason: string } {
  const certificate = certificateFor(place, [LOOPBACK]);
  if ('reason' in certificate) return certificate;
  const path = name === 'wss' ? '/' : '';
  return network(name, `${name}://${LOOPBACK}:0${path}${certificateQuery(certificate)}`);
}

function vsock(): LocalTransport | { readonly reason: string } {
  if (!hasVsockLoopback()) {
    return { reason: 'no vsock within this machine: modprobe vsock_loopback' };
  }
  return {
    name: 'vsock',
    path: 'vsock',
    encoding: 'portable',
    listenUri: () => 'vsock://any:0',
    connectUri: (uri) => uri.replace('//any:', `//${VSOCK_LOOPBACK_CID}:`),
  };
}

function rdma(place: Place): LocalTransport | { readonly reason: string } {
  const address = rdmaAddress();
  if (address === undefined) {
    return { reason: 'no RDMA adapter with an IPv4 address: `vfio-user doctor` says more' };
  }
  const certificate = certificateFor(place, [LOOPBACK, address]);
  if ('reason' in certificate) return certificate;
  return network('rdma', `rdma://${address}:0${certificateQuery(certificate)}&fallback=never`);
}

/** One that both sides show and trust. It is thrown away with the folder. */
function certificateFor(
  { folder }: Place,
  addresses: readonly string[],
): Certificate | { readonly reason: string } {
  const names = addresses.map((address) => `IP:${address}`).join(',');
  try {
    return new Authority(folder, 'bench', { names });
  } catch {
    return { reason: 'no certificate can be made: install openssl' };
  }
}
