import type { Connection, Framing, Listener } from '@vfio-user/core';
import type { Test } from 'tap';
import type { Suite } from '../suite.js';
import { TestFraming } from '../test-frames.js';
import { Waiter } from '../waiter.js';
import { Endpoint } from './endpoint.js';

/** Largest frame the transport tests use, whatever more the transport could carry. */
const MAX_TEST_FRAME_BYTES = 4 * 2 ** 20;

/** The largest frame to test `suite`'s transport with. */
export function largestFrame({ fixture }: Suite): number {
  return Math.min(fixture.expected.maxFrameBytes, MAX_TEST_FRAME_BYTES);
}

/** A listener under test, and the connections it was given. */
export class Host {
  readonly endpoints: Endpoint[] = [];
  /** Called with each new connection. */
  onAccept: ((connection: Connection) => void) | undefined;
  readonly #suite: Suite;
  readonly #waiter = new Waiter();
  #listener: Listener | undefined;

  constructor(suite: Suite) {
    this.#suite = suite;
  }

  async listen(framing: Framing, address = this.#suite.fixture.address()): Promise<void> {
    const { transport, uri } = this.#suite.registry.resolve(address);
    const accept = (connection: Connection): Endpoint => {
      const endpoint = new Endpoint(connection);
      this.endpoints.push(endpoint);
      this.onAccept?.(connection);
      this.#waiter.changed();
      return endpoint;
    };
    this.#listener = await transport.listen(uri, accept, { framing });
  }

  get listener(): Listener {
    if (this.#listener === undefined) throw new Error('the host does not listen');
    return this.#listener;
  }

  /** The connection number `index`, once it is there. */
  async endpoint(index: number): Promise<Endpoint> {
    await this.#waiter.until(() => this.endpoints.length > index, `connection ${index}`);
    return this.endpoints[index] as Endpoint;
  }

  /** Connect to it. */
  async connect(signal?: AbortSignal): Promise<Endpoint> {
    const { transport, uri } = this.#suite.registry.resolve(this.listener.uri);
    const context = {
      framing: new TestFraming(largestFrame(this.#suite)),
      ...(signal && { signal }),
    };
    return new Promise((resolve, reject) => {
      const accept = (connection: Connection): Endpoint => {
        const endpoint = new Endpoint(connection);
        resolve(endpoint);
        return endpoint;
      };
      transport.connect(uri, accept, context).catch(reject);
    });
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    for (const endpoint of this.endpoints) endpoint.connection.abort(new Error('test over'));
  }
}

/** Both ends of one connection. */
export interface Link {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly host: Host;
}

/** A listener that is closed when the test ends. `hostMaxFrameBytes`: the longest frame that it accepts. */
export async function openHost(
  t: Test,
  suite: Suite,
  hostMaxFrameBytes = largestFrame(suite),
): Promise<Host> {
  const host = new Host(suite);
  t.teardown(() => host.close());
  await host.listen(new TestFraming(hostMaxFrameBytes));
  return host;
}

/** A connection that is closed when the test ends. */
export async function openLink(t: Test, suite: Suite, hostMaxFrameBytes?: number): Promise<Link> {
  const host = await openHost(t, suite, hostMaxFrameBytes);
  const client = await host.connect();
  t.teardown(() => client.connection.abort(new Error('test over')));
  return { client, server: await host.endpoint(0), host };
}
