import type { Frame, Framing } from '../transport/transport.js';
import type { KnownCommand, Message, ReplyBodies, RequestBodies, Version } from './messages.js';

/**
 * An encoded message. `head` lies in the encoding's scratch buffer and is valid until the next call
 * of an encode method. `data` is bulk data, borrowed from the encoded body.
 */
export interface EncodedMessage {
  readonly head: Uint8Array;
  readonly data: Uint8Array | undefined;
}

/** Payloads up to this many bytes are copied behind the head, larger ones passed by reference. */
export const INLINE_DATA_BYTES = 4096;

/** A decoded body, or in words why there is none. A body is never a string. */
export type Decoded<Body> = Body | string;

/** Encodes and decodes messages. One instance per connection: it owns scratch memory. */
export interface Encoding {
  readonly name: string;
  readonly framing: Framing;
  /** Most bytes of data that one side may have requested at a time. */
  readonly replyWindowBytes: number;
  /** Most characters of the capabilities in a VERSION reply. */
  versionReplyRoom(request: Version): number;
  encodeRequest<C extends KnownCommand>(
    command: C,
    id: number,
    body: RequestBodies[C],
    noReply?: boolean,
  ): EncodedMessage;
  encodeReply<C extends KnownCommand>(command: C, id: number, body: ReplyBodies[C]): EncodedMessage;
  encodeError(command: number, id: number, errno: number, text?: string): EncodedMessage;
  /** Never throws for what a peer sends: a bad frame becomes a `malformed` message. */
  decode(frame: Frame): Message;
}
