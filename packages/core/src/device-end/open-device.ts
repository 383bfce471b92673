import { VfioUserError } from '../errors.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { Command } from '../protocol/constants.js';
import type { Version } from '../protocol/messages.js';
import { accept, offer } from '../protocol/version.js';
import { call } from '../session/call.js';
import { connectWire, type OpenOptions, openSession } from '../session/open.js';
import type { Peer } from '../session/peer.js';
import type { TransportRegistry } from '../transport/registry.js';

export interface OpenDeviceOptions extends Omit<OpenOptions, 'maxDataXferSize'> {
  readonly registry: TransportRegistry;
  /** What to tell the device of this side. */
  readonly own: Capabilities;
}

/** A device that was reached, and what it said. */
export interface OpenedDevice {
  /** Its reply to VERSION. */
  readonly version: Version;
  readonly capabilities: Capabilities;
  /** What it calls the session; `undefined` where sessions have no names. */
  readonly session: Uint8Array | undefined;
}

/**
 * Connect a peer to a device and agree on VERSION. An abort is rejected with the reason of the
 * signal.
 */
export async function openDevice(
  peer: Peer,
  text: string,
  { registry, own, ...options }: OpenDeviceOptions,
): Promise<OpenedDevice> {
  const { maxDataXferSize } = own;
  const { connection, wire } = await connectWire(registry, text, peer, {
    ...options,
    maxDataXferSize,
  });
  peer.attach(connection, wire);
  return openSession(connection, options.signal, async () => {
    const version = await call(peer, Command.VERSION, offer(own), (body) => body);
    const capabilities = accept(version).peer;
    if (peer.closed) {
      throw new VfioUserError('VFU_PEER_CLOSED', 'the device closed the connection');
    }
    return { version, capabilities, session: wire.peerSession };
  });
}
