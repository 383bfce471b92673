import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
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

const GROUPS = 8;
/** Bytes of a GID. */
export const GID_BYTES = 2 * GROUPS;

/** 16 bytes as the text of an IPv6 address, in its shortest form. */
export function gidToText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, GID_BYTES);
  const groups = Array.from({ length: GROUPS }, (_, i) => view.getUint16(2 * i).toString(16));
  return shortest(groups.join(':'));
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
  const [before = '', after] = shortest(text).split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const zeros = Array.from({ length: GROUPS - head.length - tail.length }, () => '0');
  const bytes = new Uint8Array(GID_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, group] of [...head, ...zeros, ...tail].entries()) {
    view.setUint16(2 * index, Number.parseInt(group, 16));
  }
  return bytes;
}

/** Hexadecimal groups, the longest run of zeros as "::": the form the URL standard prescribes. */
function shortest(text: string): string {
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
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
