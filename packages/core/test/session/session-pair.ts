import { strict as assert } from 'node:assert';
import { ResumableConnection } from '../../src/session/resumable-connection.js';
import type { Continuation, SessionSink } from '../../src/session/session-events.js';
import type { Frame } from '../../src/transport/transport.js';
import { FakeLink, type LinkEnd } from './fake-links.js';
import { turn } from './fakes.js';

export type SideName = 'client' | 'server';

/** Longer than a test takes. */
const HOLD_MS = 3_600_000;

/** One end of a session, with what it sent and was told. */
export class SessionEnd implements SessionSink {
  readonly connection: ResumableConnection;
  /** Numbers of the frames that left and that arrived. */
  readonly sent: number[] = [];
  readonly received: number[] = [];
  readonly continuations: Continuation[] = [];
  readonly ends: (Error | undefined)[] = [];
  readonly closes: (Error | undefined)[] = [];
  /** `send` has returned `false`, and nothing was drained since. */
  waits = false;
  paused = false;
  /** Asked to close or abort. */
  left = false;

  constructor(link: LinkEnd, maxKeptBytes: number) {
    this.connection = new ResumableConnection(link, {
      id: Uint8Array.of(1),
      maxKeptBytes,
      ownSilenceMs: 0,
      peerSilenceMs: 0,
      events: {
        onLost() {},
        onContinued: (continuation) => void this.continuations.push(continuation),
        onEnd: (error) => void this.ends.push(error),
      },
    });
    link.sink = this.connection.begin(this);
    this.connection.hold(HOLD_MS);
  }

  send(bytes: number, split: number): void {
    if (this.connection.over || this.left) return;
    const frame = Buffer.alloc(16 + bytes, this.sent.length & 0xff);
    frame.writeUInt32LE(frame.length, 0);
    frame.writeUInt32LE(1, 4);
    frame.writeUInt32LE(this.sent.length, 8);
    const at = 16 + Math.floor(split * bytes);
    this.sent.push(this.sent.length);
    if (!this.connection.send(frame.subarray(0, at), frame.subarray(at))) this.waits = true;
  }

  onFrame({ bytes, view, start, length }: Frame): void {
    const number = view.getUint32(start + 8, true);
    const filled = bytes.subarray(start + 16, start + length);
    assert.ok(
      filled.every((byte) => byte === (number & 0xff)),
      `frame ${number} arrives as it was sent`,
    );
    this.received.push(number);
  }

  onDrain(): void {
    this.waits = false;
  }

  onClose(error?: Error): void {
    this.closes.push(error);
  }
}

/** An attempt to go on over another link. */
interface Attempt {
  readonly link: FakeLink;
  readonly clientHandled: number;
  /** The server's answer. */
  answer: { readonly handled: number; readonly generation: number } | 'refused' | undefined;
  /** The client waits for it. */
  current: boolean;
  taken: { client: boolean; server: boolean };
}

/** A session between two ends, over links that the test delivers and breaks. */
export class SessionPair {
  readonly links: FakeLink[] = [new FakeLink()];
  readonly attempts: Attempt[] = [];
  readonly client: SessionEnd;
  readonly server: SessionEnd;

  constructor(maxKeptBytes = 2 ** 24) {
    const [link] = this.links as [FakeLink];
    this.client = new SessionEnd(link.client, maxKeptBytes);
    this.server = new SessionEnd(link.server, maxKeptBytes);
  }

  /** A step of a client that looks for another link; the earlier attempt is given up. */
  ask(): void {
    const { connection } = this.client;
    if (connection.over || connection.interruption === undefined) return;
    for (const attempt of this.attempts) attempt.current = false;
    const attempt: Attempt = {
      link: new FakeLink(),
      clientHandled: connection.handled,
      answer: undefined,
      current: true,
      taken: { client: false, server: false },
    };
    this.links.push(attempt.link);
    this.attempts.push(attempt);
  }

  /** The preface of an attempt reaches the server, however late. */
  answer(attempt: Attempt): void {
    if (attempt.answer !== undefined || attempt.link.server.broken) return;
    const { connection } = this.server;
    const generation = connection.offer(attempt.clientHandled);
    if (generation === undefined) {
      const ends = connection.over || this.server.left || this.client.left;
      assert.ok(ends || !attempt.current, 'a client that comes back is not refused');
      attempt.answer = 'refused';
      attempt.link.server.abort(new Error('refused'));
    } else {
      attempt.answer = { handled: connection.handled, generation };
    }
  }

  takeOnServer({ link, clientHandled, answer, taken }: Attempt): void {
    if (typeof answer !== 'object' || taken.server || link.server.ended) return;
    taken.server = true;
    try {
      link.server.sink = this.server.connection.attach(
        link.server,
        clientHandled,
        answer.generation,
      );
    } catch (error) {
      link.server.abort(error as Error);
    }
  }

  takeOnClient(attempt: Attempt): void {
    const { link, answer, taken } = attempt;
    if (answer === 'refused' && attempt.current) {
      attempt.current = false;
      this.client.connection.abort(new Error('the session is lost'));
    }
    if (typeof answer !== 'object' || taken.client || link.client.ended || link.client.broken)
      return;
    taken.client = true;
    try {
      if (!attempt.current) throw new Error('too late');
      link.client.sink = this.client.connection.attach(link.client, answer.handled);
    } catch (error) {
      link.client.abort(error as Error);
    }
  }

  /** Everything arrives and everything is noticed, and the client comes back, until nothing happens any more. */
  async settle(): Promise<void> {
    for (const side of [this.client, this.server]) {
      if (side.paused) side.connection.resume();
      side.paused = false;
    }
    for (let idle = 0; idle < 3; ) {
      let moved = 0;
      // What the client went on with, the server does as well, or that link ends.
      for (const attempt of this.attempts) if (attempt.taken.client) this.takeOnServer(attempt);
      for (const { client, server } of this.links) {
        moved +=
          client.deliver(Number.POSITIVE_INFINITY) + server.deliver(Number.POSITIVE_INFINITY);
        for (const end of [client, server]) moved += Number(end.finish()) + Number(end.notice());
      }
      await turn();
      const { connection } = this.client;
      if (!connection.over && connection.interruption !== undefined && moved === 0) {
        this.ask();
        const attempt = this.attempts.at(-1) as Attempt;
        this.answer(attempt);
        this.takeOnServer(attempt);
        this.takeOnClient(attempt);
        moved++;
      }
      idle = moved === 0 ? idle + 1 : 0;
    }
  }

  /** Ends the session and its links, which have timers. */
  async end(): Promise<void> {
    for (const { connection } of [this.client, this.server]) connection.abort(new Error('over'));
    for (const { client, server } of this.links) {
      client.break();
      client.notice();
      server.notice();
    }
    await turn();
  }
}
