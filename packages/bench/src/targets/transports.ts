import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { VfioUserError } from '@vfio-user/core';
import { Authority, type Certificate, certificateQuery } from '@vfio-user/support';
import { BenchError } from '../errors.js';
import type { Encoding } from '../floors/message-sizes.js';
import { rdmaAddress } from './rdma-address.js';

/** The plain socket that a transport is compared with. */
export type SocketKind = 'unix' | 'tcp' | 'vsock';

/** The socket of an echo server; `elsewhere`: the one that the user named. */
export type FloorSocket = SocketKind | 'elsewhere';

/** A transport of this machine. */
export interface LocalTransport {
  readonly name: string;
  readonly socket: SocketKind;
  readonly encoding: Encoding;
  /** Where a server of that name is to listen. */
  listenUri(server: string): string;
  /** Where to reach one that says where it listens. */
  connectUri(listening: string): string;
}

/** Set up to use it, or say why it cannot be used here. `folder` is for sockets and keys. */
type Offer = (folder: string) => LocalTransport | Unusable;

interface Unusable {
  readonly reason: string;
}

const LOOPBACK = '127.0.0.1';
const same = (uri: string): string => uri;

const offers: Readonly<Record<string, Offer>> = {
  unix: (folder) => ({
    name: 'unix',
    socket: 'unix',
    encoding: 'native',
    listenUri: (server) => `unix://${join(folder, `${server}.sock`)}`,
    connectUri: same,
  }),
  tcp: () => network('tcp', `tcp://${LOOPBACK}:0`),
  tls: (folder) => secure('tls', folder),
  ws: () => network('ws', `ws://${LOOPBACK}:0/`),
  wss: (folder) => secure('wss', folder),
  vsock,
  rdma,
};

/** The names that `--transport` takes. */
export const TRANSPORT_NAMES: readonly string[] = Object.keys(offers);

/** Those of a run that names none: wss adds to ws what tls adds to tcp. */
const DEFAULT_NAMES = TRANSPORT_NAMES.filter((name) => name !== 'wss');

/** What a run can use, and why not the rest. */
export interface OfferedTransports {
  readonly transports: readonly LocalTransport[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * The transports of those names, or those of a run that names none. `folder` is for sockets and keys; its name is
 * short enough for the former.
 * @throws {BenchError} when one that was named cannot be used.
 */
export function offeredTransports(names: readonly string[], folder: string): OfferedTransports {
  const transports: LocalTransport[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const name of new Set(names.length > 0 ? names : DEFAULT_NAMES)) {
    const offer = offers[name];
    if (offer === undefined) {
      const text = `no transport ${name}; there are: ${TRANSPORT_NAMES.join(', ')}`;
      throw new VfioUserError('VFU_CONFIG_INVALID', text);
    }
    const offered = offer(folder);
    if (!('reason' in offered)) transports.push(offered);
    else if (names.length > 0) throw new BenchError(`${name}: ${offered.reason}`);
    else missing.push({ name, reason: offered.reason });
  }
  return { transports, missing };
}

function network(name: string, uri: string): LocalTransport {
  return { name, socket: 'tcp', encoding: 'portable', listenUri: () => uri, connectUri: same };
}

function secure(name: string, folder: string): LocalTransport | Unusable {
  const certificate = certificateFor(folder, [LOOPBACK]);
  if ('reason' in certificate) return certificate;
  const path = name === 'wss' ? '/' : '';
  return network(name, `${name}://${LOOPBACK}:0${path}${certificateQuery(certificate)}`);
}

function vsock(): LocalTransport | Unusable {
  if (!hasVsockLoopback()) {
    return { reason: 'no vsock within this machine: modprobe vsock_loopback' };
  }
  return {
    name: 'vsock',
    socket: 'vsock',
    encoding: 'portable',
    listenUri: () => 'vsock://any:0',
    connectUri: (uri) => uri.replace('//any:', `//${VSOCK_LOOPBACK_CID}:`),
  };
}

function rdma(folder: string): LocalTransport | Unusable {
  const address = rdmaAddress();
  if (address === undefined) {
    return { reason: 'no RDMA adapter with an IPv4 address: `vfio-user doctor` says more' };
  }
  const certificate = certificateFor(folder, [LOOPBACK, address]);
  if ('reason' in certificate) return certificate;
  return network('rdma', `rdma://${address}:0${certificateQuery(certificate)}&fallback=never`);
}

/** One certificate that both ends present and trust. */
function certificateFor(folder: string, addresses: readonly string[]): Certificate | Unusable {
  const names = addresses.map((address) => `IP:${address}`).join(',');
  try {
    return new Authority(folder, 'bench', { names });
  } catch {
    return { reason: 'no certificate can be made: install openssl' };
  }
}

/** How a machine calls itself (VMADDR_CID_LOCAL). */
export const VSOCK_LOOPBACK_CID = 1;

/** Whether a vsock connection from this machine to itself gets anywhere. */
function hasVsockLoopback(): boolean {
  // Without the module, connecting would take until its timeout to fail.
  return existsSync('/dev/vsock') && existsSync('/sys/module/vsock_loopback');
}
