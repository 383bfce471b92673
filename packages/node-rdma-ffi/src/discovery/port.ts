import { verbFailed } from '../errors.js';
import { LinkLayer, PortState } from '../native/constants.js';
import type { DeviceContext } from '../native/device-context.js';
import { NativeStruct } from '../native/native-struct.js';
import { structs } from '../native/structs.js';
import { GID_BYTES, type GidInfo, gidInfo, gidToText } from './gid.js';
import { mtuBytes } from './mtu.js';

/** A port of a device, as it is now. */
export interface PortInfo {
  /** The first is 1. */
  readonly number: number;
  readonly state: 'down' | 'initializing' | 'armed' | 'active' | 'active-deferred' | 'unknown';
  readonly linkLayer: 'infiniband' | 'ethernet' | 'unspecified';
  /** Local identifier, 0 for Ethernet. */
  readonly lid: number;
  readonly activeMtuBytes: number;
  readonly maxMessageBytes: number;
  /** The used entries of its table of addresses. */
  readonly gids: readonly GidInfo[];
}

const states: Readonly<Record<number, PortInfo['state']>> = {
  [PortState.DOWN]: 'down',
  [PortState.INIT]: 'initializing',
  [PortState.ARMED]: 'armed',
  [PortState.ACTIVE]: 'active',
  [PortState.ACTIVE_DEFER]: 'active-deferred',
};

const linkLayers: Readonly<Record<number, PortInfo['linkLayer']>> = {
  [LinkLayer.INFINIBAND]: 'infiniband',
  [LinkLayer.ETHERNET]: 'ethernet',
};

/** Asks the device about a port, addresses included. */
export function queryPort(context: DeviceContext, port: number): PortInfo {
  const { ibv_port_attr: at } = structs;
  const attributes = new NativeStruct(at.size);
  const errno = context.library.queryPort(context.pointer, port, attributes.address);
  if (errno !== 0) throw verbFailed('ibv_query_port', errno, `port ${port} of ${context.name}`);
  const { view } = attributes;
  const linkLayer = linkLayers[view.getUint8(at.link_layer)] ?? 'unspecified';
  return {
    number: port,
    state: states[attributes.uint32(at.state)] ?? 'unknown',
    linkLayer,
    lid: view.getUint16(at.lid, true),
    activeMtuBytes: mtuBytes(attributes.uint32(at.active_mtu)),
    maxMessageBytes: attributes.uint32(at.max_msg_sz),
    gids: queryGids(context, port, view.getInt32(at.gid_tbl_len, true), linkLayer === 'ethernet'),
  };
}

function queryGids(
  context: DeviceContext,
  port: number,
  count: number,
  ethernet: boolean,
): GidInfo[] {
  const folder = `/sys/class/infiniband/${context.name}/ports/${port}`;
  const gid = new NativeStruct(GID_BYTES);
  const bytes = new Uint8Array(gid.view.buffer);
  const found: GidInfo[] = [];
  for (let index = 0; index < count; index++) {
    bytes.fill(0);
    const failed = context.library.queryGid(context.pointer, port, index, gid.address) !== 0;
    // An unused entry is an error or all zeros, depending on the kernel.
    if (failed || bytes.every((byte) => byte === 0)) continue;
    found.push(gidInfo(folder, index, gidToText(bytes), ethernet));
  }
  return found;
}
