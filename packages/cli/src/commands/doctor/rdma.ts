import { systemText } from '@vfio-user/posix-ffi';
import type { PortInfo, RdmaDeviceInfo } from 'node-rdma-ffi';
import { type Finding, found, missing } from './finding.js';

/** What RDMA needs here: the library, the kernel's part, adapters with ports, and memory to pin. */
export async function checkRdma(): Promise<Finding[]> {
  const { probe } = await import('node-rdma-ffi');
  const result = probe();
  if (!result.available) {
    const advice = 'rdma: URIs fall back to TCP; docs/rdma.md says how to set up RDMA';
    return [missing('rdma', result.reason, advice)];
  }
  return [...result.devices.flatMap(checkDevice), checkPinning()];
}

function checkDevice({ name, ports }: RdmaDeviceInfo): Finding[] {
  return ports.flatMap((port) => [checkPort(name, port), ...gidsOf(name, port)]);
}

function checkPort(
  device: string,
  { number, state, linkLayer, activeMtuBytes }: PortInfo,
): Finding {
  const name = `rdma ${device}/${number}`;
  const detail = `${state}, ${linkLayer}, MTU ${activeMtuBytes}`;
  if (state === 'active') return found(name, detail);
  return missing(
    name,
    detail,
    'bring the port up: ip link set <its interface> up, and check the cable',
  );
}

/** What `gid-index` in an rdma: URI can be. */
function gidsOf(device: string, { gids }: PortInfo): Finding[] {
  return gids.map(({ index, gid, type, interface: below }) => {
    const on = below === undefined ? '' : ` on ${below}`;
    return found(`rdma ${device}`, `gid-index ${index}: ${gidText(gid)}, ${type}${on}`);
  });
}

/** With the IPv4 address that it stands for, if it does: nobody reads that in hexadecimal. */
function gidText(gid: string): string {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(gid) ?? [];
  if (high === undefined || low === undefined) return gid;
  const words = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `${gid} (${words.flatMap((word) => [word >> 8, word & 0xff]).join('.')})`;
}

/** Guest memory is pinned for an adapter: that is limited. */
function checkPinning(): Finding {
  const name = 'locked memory';
  const limits = systemText('/proc/self/limits');
  const [, soft = 'unknown'] = /^Max locked memory\s+(\S+)/m.exec(limits) ?? [];
  if (soft === 'unlimited') return found(name, 'no limit');
  const advice =
    'guest memory above the limit goes by messages: ulimit -l unlimited, or LimitMEMLOCK=infinity';
  return missing(name, `${soft} bytes`, advice);
}
