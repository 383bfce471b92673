import { startBridge, type TransportRegistry } from '@vfio-user/core';
import { type RelaySessionObserver, startRelay } from '@vfio-user/core/internal';
import type { Test } from 'tap';
import type { SessionFixture } from '../fixture.js';

/** Where a device can be served: a suite is one. */
export interface Place {
  readonly registry: TransportRegistry;
  readonly fixture: Pick<SessionFixture, 'address' | 'through'>;
}

/** How clients reach a device. */
export interface Path {
  /** Where they connect to. */
  readonly uri: string;
  /** Nobody is on the way. */
  readonly idle: boolean;
}

/** The way of a place's clients to a device that listens at `uri`; it ends with the test. */
export async function pathTo(t: Test, { registry, fixture }: Place, uri: string): Promise<Path> {
  if (fixture.through === undefined) return { uri, idle: true };
  const listen = fixture.through.address();
  if (fixture.through.kind === 'relay') return relayTo(t, registry, listen, uri);
  const bridge = await startBridge({ registry, listen, connect: uri });
  t.teardown(() => bridge.close());
  return {
    uri: bridge.uri,
    get idle() {
      return bridge.statistics().clients === 0;
    },
  };
}

async function relayTo(
  t: Test,
  registry: TransportRegistry,
  listen: string,
  connect: string,
): Promise<Path> {
  const observe = (): RelaySessionObserver => ({ onPreface() {}, onFrame() {}, onEnd() {} });
  const relay = await startRelay({
    registry,
    listen,
    connect,
    maxDataXferSize: MAX_DATA_BYTES,
    observe,
  });
  t.teardown(() => relay.close());
  return {
    uri: relay.uri,
    get idle() {
      return relay.statistics().open === 0;
    },
  };
}

/** More than any client of the suite negotiates. */
const MAX_DATA_BYTES = 2 ** 20;
