import type { Frame, Framing } from '../transport/transport.js';
import type { KnownCommand, Message, ReplyBodies, RequestBodies, Version } from './messages.js';

/**
 * A message ready to leave. `head` lies in the encoding's scratch buffer: valid until the next call
 * of an encode method. `data` is bulk data, borrowed from the body that was encoded.
 */
export interface EncodedMessage {
  readonly head: Uint8Array;
  readonly data: Uint8Array | undefined;
}

/** Payloads up to this many bytes are copied behind the head, larger ones go by reference. */
export const INLINE_DATA_BYTES = 4096;

/** A decoded body, or in words why there is none. A body is never a string. */
export type Decoded<Body> = Body | string;

/** How messages are written. One instance per connection: it owns scratch memory. */
export interface Encoding {
  readonly name: string;
  readonly framing: Framing;
  /** Most bytes of data that one side may have asked the other for at a time. */
  readonly replyWindowBytes: number;
  /** Characters that the capabilities of a VERSION reply may take. */
  versionReplyRoom(request: Version): number;
  encodeRequest<C extends KnownCommand>(
    command: C,
    id: number,
    body: RequestBodies[C],
    noReply?: boolean,
  ): EncodedMessage;
  encodeReply<C extends KnownCommand>(command: C, id: number, body: ReplyBodies[C]): EncodedMessage;
  encodeError(command: number, id: number, errno: number, text?: string): EncodedMessage;
  /** Never throws for what a peer can send: a bad frame becomes a `malformed` message. */
  decode(frame: Frame): Message;
}
