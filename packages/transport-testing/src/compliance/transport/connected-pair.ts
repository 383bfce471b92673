import type { Connection, Framing, Listener } from '@vfio-user/core';
import type { Test } from 'tap';
import type { Suite } from '../suite.js';
import { TestFraming } from '../test-frames.js';
import { Waiter } from '../waiter.js';
import { RecordingEnd } from './recording-end.js';

/** Largest frame the transport tests use, whatever more the transport could carry. */
const MAX_TEST_FRAME_BYTES = 4 * 2 ** 20;

/** The largest frame to test `suite`'s transport with. */
export function largestFrame({ fixture }: Suite): number {
  return Math.min(fixture.expected.maxFrameBytes, MAX_TEST_FRAME_BYTES);
}

/** A listener under test, and the connections it was given. */
export class Host {
  readonly ends: RecordingEnd[] = [];
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
    const accept = (connection: Connection): RecordingEnd => {
      const end = new RecordingEnd(connection);
      this.ends.push(end);
      this.onAccept?.(connection);
      this.#waiter.changed();
      return end;
    };
    this.#listener = await transport.listen(uri, accept, { framing });
  }

  get listener(): Listener {
    if (this.#listener === undefined) throw new Error('the host does not listen');
    return this.#listener;
  }

  /** The connection number `index`, once it is there. */
  async end(index: number): Promise<RecordingEnd> {
    await this.#waiter.until(() => this.ends.length > index, `connection ${index}`);
    return this.ends[index] as RecordingEnd;
  }

  /** Connect to it. */
  async connect(signal?: AbortSignal): Promise<RecordingEnd> {
    const { transport, uri } = this.#suite.registry.resolve(this.listener.uri);
    const context = {
      framing: new TestFraming(largestFrame(this.#suite)),
      ...(signal && { signal }),
    };
    return new Promise((resolve, reject) => {
      const accept = (connection: Connection): RecordingEnd => {
        const end = new RecordingEnd(connection);
        resolve(end);
        return end;
      };
      transport.connect(uri, accept, context).catch(reject);
    });
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    for (const end of this.ends) end.connection.abort(new Error('test over'));
  }
}

/** Both ends of one connection. */
export interface ConnectedPair {
  readonly client: RecordingEnd;
  readonly server: RecordingEnd;
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
export async function openPair(
  t: Test,
  suite: Suite,
  hostMaxFrameBytes?: number,
): Promise<ConnectedPair> {
  const host = await openHost(t, suite, hostMaxFrameBytes);
  const client = await host.connect();
  t.teardown(() => client.connection.abort(new Error('test over')));
  return { client, server: await host.end(0), host };
}
