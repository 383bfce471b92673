import { EINVAL } from '../../errno.js';
import type { Frame, Framing } from '../../transport/transport.js';
import {
  DEFAULT_MAX_DATA_XFER_SIZE,
  HEADER_BYTES,
  HEADER_FLAG_ERROR,
  HEADER_FLAG_NO_REPLY,
  HEADER_TYPE_COMMAND,
  HEADER_TYPE_REPLY,
} from '../constants.js';
import type { EncodedMessage, Encoding } from '../encoding.js';
import { commandName } from '../enums.js';
import type {
  KnownCommand,
  MalformedMessage,
  Message,
  ReplyBodies,
  RequestBodies,
  Version,
} from '../messages.js';
import { codecOf, findDecoders } from './codecs.js';
import { DEFAULT_MAX_FRAME_BYTES, NativeFraming, type NativeFramingOptions } from './framing.js';
import {
  headerCommand,
  headerErrno,
  headerFlags,
  headerId,
  headerSize,
  headerType,
} from './header.js';
import { MessageWriter } from './message-writer.js';
import { PayloadReader } from './payload-reader.js';

/**
 * QEMU's client writes a message once and loses what the socket does not take, so all replies it is
 * owed must fit into a default AF_UNIX send buffer (208 KiB, overhead included).
 */
const REPLY_WINDOW_BYTES = 98_304;

/**
 * The wire format of the specification: a 16-byte header and C structs, little-endian on every
 * host. (The specification says host byte order, which is the same on every machine it runs on
 * today.)
 */
export class NativeEncoding implements Encoding {
  readonly name = 'native';
  readonly replyWindowBytes = REPLY_WINDOW_BYTES;
  readonly framing: Framing;
  readonly #out = new MessageWriter();
  readonly #payload = new PayloadReader();

  constructor(options: NativeFramingOptions = {}) {
    this.framing = new NativeFraming(options);
  }

  /** QEMU's client reads the reply into the buffer of its request. */
  versionReplyRoom({ capabilities }: Version): number {
    return capabilities?.length ?? Number.POSITIVE_INFINITY;
  }

  encodeRequest<C extends KnownCommand>(
    command: C,
    id: number,
    body: RequestBodies[C],
    noReply = false,
  ): EncodedMessage {
    codecOf(command).request.encode(this.#out, body);
    const flags = noReply ? HEADER_TYPE_COMMAND | HEADER_FLAG_NO_REPLY : HEADER_TYPE_COMMAND;
    return this.#out.finish(id, command, flags, 0);
  }

  encodeReply<C extends KnownCommand>(
    command: C,
    id: number,
    body: ReplyBodies[C],
  ): EncodedMessage {
    codecOf(command).reply.encode(this.#out, body);
    return this.#out.finish(id, command, HEADER_TYPE_REPLY, 0);
  }

  /** There is no field for a text: only the errno is sent. */
  encodeError(command: number, id: number, errno: number): EncodedMessage {
    this.#out.begin(0);
    return this.#out.finish(id, command, HEADER_TYPE_REPLY | HEADER_FLAG_ERROR, errno);
  }

  decode(frame: Frame): Message {
    const { view, start, length } = frame;
    if (length < HEADER_BYTES) {
      return malformed(0, 0, HEADER_TYPE_REPLY, `a frame of ${length} bytes has no header`);
    }
    const id = headerId(view, start);
    const command = headerCommand(view, start);
    const flags = headerFlags(view, start);
    const type = headerType(flags);
    if (type === HEADER_TYPE_REPLY && (flags & HEADER_FLAG_ERROR) !== 0) {
      return { kind: 'error', command, id, errno: headerErrno(view, start) };
    }
    const body = this.#decodeBody(frame, command, type);
    if (typeof body === 'string') return malformed(command, id, flags, body);
    const message =
      type === HEADER_TYPE_REPLY
        ? { kind: 'reply', command, id, body }
        : { kind: 'request', command, id, noReply: (flags & HEADER_FLAG_NO_REPLY) !== 0, body };
    // The body matches the command, which the compiler cannot infer.
    return message as Message;
  }

  #decodeBody({ view, start, length }: Frame, command: number, type: number): unknown {
    const size = headerSize(view, start);
    if (size !== length) return `msg_size is ${size} in a frame of ${length} bytes`;
    if (type !== HEADER_TYPE_COMMAND && type !== HEADER_TYPE_REPLY) return `message type ${type}`;
    const codec = findDecoders(command);
    if (codec === undefined) return 'unknown command';
    const { minBytes, decode } = type === HEADER_TYPE_REPLY ? codec.reply : codec.request;
    const payloadBytes = length - HEADER_BYTES;
    if (payloadBytes < minBytes) {
      return `a payload of ${payloadBytes} bytes, it must be at least ${minBytes}`;
    }
    this.#payload.moveTo(view, start + HEADER_BYTES, payloadBytes);
    return decode(this.#payload);
  }
}

/** Anything but a reply counts as a request, so that its sender gets an error. */
function malformed(command: number, id: number, flags: number, reason: string): MalformedMessage {
  const isRequest = headerType(flags) !== HEADER_TYPE_REPLY;
  return {
    kind: 'malformed',
    isRequest,
    command,
    id,
    noReply: isRequest && (flags & HEADER_FLAG_NO_REPLY) !== 0,
    errno: EINVAL,
    reason: `${commandName(command)}: ${reason}`,
  };
}

/** A native encoding for messages with up to `maxDataXferSize` bytes of data. */
export function nativeEncodingFor(maxDataXferSize: number): NativeEncoding {
  const headRoom = DEFAULT_MAX_FRAME_BYTES - DEFAULT_MAX_DATA_XFER_SIZE;
  return new NativeEncoding({ maxFrameBytes: maxDataXferSize + headRoom });
}
