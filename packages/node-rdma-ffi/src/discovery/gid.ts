import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { invalid, shown } from '../errors.js';

/** One entry of a port's table of addresses. */
export interface GidInfo {
  readonly index: number;
  /** In the text form of IPv6. */
  readonly gid: string;
  readonly type: 'ib' | 'roce-v1' | 'roce-v2' | 'unknown';
  /** The network interface behind it, for RoCE. */
  readonly interface?: string;
}

/** Bytes of a GID. */
export const GID_BYTES = 16;

/** 16 bytes as the text of an IPv6 address, in its shortest form. */
export function gidToText(bytes: Uint8Array): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/**
 * The 16 bytes of a GID in text form.
 * @throws {RdmaError} RDMA_INVALID when it is none.
 */
export function gidFromText(text: string): Uint8Array {
  // A zone ("%eth0") is an IPv6 address for Node, and means nothing to an adapter.
  if (typeof text !== 'string' || !isIPv6(text) || text.includes('%')) {
    throw invalid(`not a GID: ${shown(text)}; give an IPv6 address`);
  }
  return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray());
}

/** What sysfs says about an entry. `folder` is that of the port. */
export function gidInfo(folder: string, index: number, gid: string, ethernet: boolean): GidInfo {
  const type = gidType(readText(`${folder}/gid_attrs/types/${index}`), ethernet);
  const device = readText(`${folder}/gid_attrs/ndevs/${index}`);
  return device === undefined ? { index, gid, type } : { index, gid, type, interface: device };
}

function gidType(text: string | undefined, ethernet: boolean): GidInfo['type'] {
  if (text === 'RoCE v2') return 'roce-v2';
  if (text === 'IB/RoCE v1') return ethernet ? 'roce-v1' : 'ib';
  return 'unknown';
}

/** Reading the attribute of an unused entry, or of one without an interface, is an error. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim() || undefined;
  } catch {
    return undefined;
  }
}
