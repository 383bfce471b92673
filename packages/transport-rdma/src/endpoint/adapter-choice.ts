import { VfioUserError } from '@vfio-user/core';
import { withoutZone } from '@vfio-user/core/transport';
import { type GidInfo, gidFromText } from 'node-rdma-ffi';
import type { RdmaTarget } from '../rdma-uri.js';
import type { DeviceDescription, PortDescription, Verbs } from '../verbs.js';

/** One port of one adapter, under one of its addresses. */
export interface AdapterChoice {
  readonly device: string;
  readonly port: number;
  readonly gidIndex: number;
}

/**
 * The adapter to use for a URI: the named one, or the first that is connected.
 * @throws {VfioUserError} `VFU_UNSUPPORTED` saying what is missing.
 */
export function chooseAdapter(verbs: Verbs, target: RdmaTarget): AdapterChoice {
  const probe = verbs.probe();
  if (!probe.available) throw unsupported(probe.reason);
  const devices = probe.devices.filter(
    ({ name }) => target.device === undefined || name === target.device,
  );
  if (devices.length === 0) {
    const names = probe.devices.map(({ name }) => name).join(', ') || 'none';
    throw unsupported(`there is no RDMA device ${target.device ?? ''} here, known are: ${names}`);
  }
  for (const device of devices) {
    const port = device.ports.find(({ state }) => state === 'active');
    if (port !== undefined) return onPort(device, port, target);
  }
  const [first] = devices as [DeviceDescription, ...DeviceDescription[]];
  throw unsupported(
    `the RDMA device ${first.name} has no active port: check its cable, or the network device below it`,
  );
}

function onPort(
  { name }: DeviceDescription,
  port: PortDescription,
  { gidIndex, host }: RdmaTarget,
): AdapterChoice {
  if (gidIndex === undefined) {
    return { device: name, port: port.number, gidIndex: bestGid(port, host) };
  }
  if (port.gids.some(({ index }) => index === gidIndex)) {
    return { device: name, port: port.number, gidIndex };
  }
  const known = port.gids.map(({ index, gid, type }) => `${index} (${gid}, ${type})`).join(', ');
  throw unsupported(`${name} has no GID ${gidIndex}, known are: ${known || 'none'}`);
}

/**
 * With RoCE a GID stands for an IP address of the network device: the one of the URI, if it is
 * ours, then an IPv4 one, which is routed wherever the bootstrap connection is.
 */
function bestGid({ gids }: PortDescription, host: string): number {
  const worth = ({ gid, type }: GidInfo): number => {
    const bytes = addressBytes(gid);
    const isSame = sameAddress(bytes, host) ? 4 : 0;
    return isSame + (type === 'roce-v2' ? 2 : 0) + (isMappedIpv4(bytes) ? 1 : 0);
  };
  const [best] = gids.toSorted((a, b) => worth(b) - worth(a));
  return best?.index ?? 0;
}

function sameAddress(gid: Uint8Array | undefined, host: string): boolean {
  const bytes = addressBytes(host.includes(':') ? withoutZone(host) : `::ffff:${host}`);
  return bytes !== undefined && gid?.every((byte, i) => byte === bytes[i]) === true;
}

function isMappedIpv4(bytes: Uint8Array | undefined): boolean {
  return bytes?.subarray(0, MAPPED_IPV4.length).join() === MAPPED_IPV4.join();
}

const MAPPED_IPV4 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The 16 bytes of an IPv6 address in any of its spellings. */
function addressBytes(text: string): Uint8Array | undefined {
  try {
    return gidFromText(text);
  } catch {
    // A name of a host.
    return undefined;
  }
}

function unsupported(text: string): VfioUserError {
  return new VfioUserError('VFU_UNSUPPORTED', text);
}
