import { startBridge, type TransportRegistry } from '@vfio-user/core';
import type { Test } from 'tap';
import type { Intermediary, SessionFixture } from '../fixture.js';

/** Where a device can be served: a suite is one. */
export interface SessionPlace {
  readonly registry: TransportRegistry;
  readonly fixture: Pick<SessionFixture, 'address' | 'through'>;
}

/** How clients reach a device. */
export type Route = Pick<Intermediary, 'uri' | 'idle'>;

/** The route of clients to a device that listens at `uri`; closed at the end of the test. */
export async function routeTo(
  t: Test,
  { registry, fixture }: SessionPlace,
  uri: string,
): Promise<Route> {
  const { through } = fixture;
  if (through === undefined) return { uri, idle: true };
  const { address, start = bridge } = through;
  const between = await start(registry, address(), uri);
  t.teardown(() => between.close());
  return between;
}

async function bridge(
  registry: TransportRegistry,
  listen: string,
  connect: string,
): Promise<Intermediary> {
  const started = await startBridge({ registry, listen, connect });
  return {
    uri: started.uri,
    get idle() {
      return started.statistics().clients === 0;
    },
    close: () => started.close(),
  };
}
