import { VfioUserError } from '../errors.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { Command } from '../protocol/enums.js';
import type { Version } from '../protocol/messages.js';
import { accept as negotiated, offer } from '../protocol/version.js';
import { call } from '../session/call.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import { type ConnectUriOptions, connectUri, openSession } from '../session/open.js';
import type { Peer } from '../session/peer.js';
import type { TransportRegistry } from '../transport/registry.js';

export interface OpenDeviceOptions extends Omit<ConnectUriOptions, 'maxDataXferSize'> {
  readonly registry: TransportRegistry;
  /** This side's capabilities. */
  readonly own: Capabilities;
}

/** A session made of a connection to a device. */
export interface DeviceSide {
  readonly peer: Peer;
}

/** A connected device and its VERSION reply. */
export interface OpenedDevice<Side> {
  /** The session. */
  readonly side: Side;
  readonly version: Version;
  readonly capabilities: Capabilities;
}

/** Connect to a device and negotiate VERSION. An abort rejects with the reason of the signal. */
export async function openDevice<Side extends DeviceSide>(
  text: string,
  accept: (opened: NegotiatedConnection) => Side,
  { registry, own, ...options }: OpenDeviceOptions,
): Promise<OpenedDevice<Side>> {
  const { maxDataXferSize } = own;
  const side = await connectUri(registry, text, accept, { ...options, maxDataXferSize });
  const { peer } = side;
  return openSession(peer.connection, options.signal, async () => {
    const version = await call(peer, Command.VERSION, offer(own), (body) => body);
    const capabilities = negotiated(version).peer;
    if (peer.closed) {
      throw new VfioUserError('VFU_PEER_CLOSED', 'the device closed the connection');
    }
    peer.session?.hold(peer.negotiated.resumption?.holdMs ?? 0);
    return { side, version, capabilities };
  });
}

/** A connection that ended without an error before it should. */
export function closedByDevice(): VfioUserError {
  return new VfioUserError('VFU_PEER_CLOSED', 'the device closed the connection');
}
