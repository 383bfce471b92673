import {
  decodeLinkFrame,
  isLinkFrame,
  type LinkFrameKind,
} from '../../src/protocol/portable/link-frames.js';
import { ResumableConnection } from '../../src/session/resumable-connection.js';
import type { ResumableEvents, SessionSink } from '../../src/session/session-events.js';
import type { Connection, FrameSink } from '../../src/transport/transport.js';
import { frameOf } from '../protocol/wire.js';
import { MESSAGES_ONLY } from './fake-links.js';

/** A link whose other end is the test. */
export class FakeLink implements Connection {
  readonly peer = 'far';
  readonly capabilities = MESSAGES_ONLY;
  readonly resources = undefined;
  /** What `send` returns. */
  hasRoom = true;
  bytesMoved = 0;
  closing = false;
  aborted: Error | undefined;
  /** Number of frames with a record. */
  frames = 0;
  /** Kind and value of those without. */
  readonly told: (readonly [kind: number, value: number])[] = [];

  send(head: Uint8Array, data = new Uint8Array(0)): boolean {
    const frame = frameOf(Buffer.concat([head, data]));
    const told = isLinkFrame(frame) ? decodeLinkFrame(frame) : undefined;
    if (told === undefined) this.frames++;
    else this.told.push([told.kind, told.value]);
    return this.hasRoom;
  }

  /** The values of the frames of one kind. */
  valuesOf(kind: LinkFrameKind): number[] {
    return this.told.filter(([each]) => each === kind).map(([, value]) => value);
  }

  pause(): void {}

  resume(): void {}

  async close(): Promise<void> {
    this.closing = true;
  }

  abort(reason: Error): void {
    this.aborted ??= reason;
  }
}

/** A frame with a record of one byte. */
export function message(): Uint8Array {
  return Uint8Array.of(9, 0, 0, 0, 1, 0, 0, 0, 0x80);
}

/** A session over a {@link FakeLink}, and what was said of it. */
export class FakeSession {
  readonly link = new FakeLink();
  readonly session: ResumableConnection;
  readonly sink: FrameSink;
  readonly lost: [reason: string, isReplaced: boolean][] = [];
  /** The reason, `undefined` after an orderly end; none before the end. */
  readonly ends: (Error | undefined)[] = [];

  constructor(sink: Partial<SessionSink> = {}, { silenceMs = 0, holdMs = 60_000 } = {}) {
    const events: ResumableEvents = {
      onLost: ({ message: reason }, isReplaced) => void this.lost.push([reason, isReplaced]),
      onContinued() {},
      onEnd: (error) => void this.ends.push(error),
    };
    this.session = new ResumableConnection(this.link, {
      id: new Uint8Array(16),
      maxKeptBytes: 2 ** 20,
      ownSilenceMs: silenceMs,
      peerSilenceMs: 0,
      events,
    });
    this.sink = this.session.begin({ onFrame() {}, onDrain() {}, onClose() {}, ...sink });
    this.session.hold(holdMs);
  }
}
