import { EINVAL } from '../../errno.js';
import { VfioUserError } from '../../errors.js';
import type { Frame, Framing } from '../../transport/transport.js';
import { DEFAULT_MAX_DATA_XFER_SIZE } from '../constants.js';
import type { EncodedMessage, Encoding } from '../encoding.js';
import { commandName } from '../enums.js';
import type {
  ErrorMessage,
  KnownCommand,
  MalformedMessage,
  Message,
  ReplyBodies,
  RequestBodies,
} from '../messages.js';
import { BulkReader } from './bulk-reader.js';
import type { PortableBodyCodec } from './codec.js';
import { FrameWriter } from './frame-writer.js';
import {
  FRAME_HEADER_BYTES,
  PortableFraming,
  type PortableFramingOptions,
  recordLength,
} from './framing.js';
import { hotForms, MAX_HOT_RANGES } from './hot-forms.js';
import { HotReader } from './hot-reader.js';
import { writeHot } from './hot-writer.js';
import {
  errorRecord,
  issuesText,
  type MessageSchema,
  replySchema,
  requestSchema,
} from './message-schemas.js';
import { packRecord, unpackRecord } from './record-packing.js';

/** A few of the largest transfers: enough to fill a fast and far connection. */
const REPLY_WINDOW_BYTES = 16 * 2 ** 20;

/** The longest text of an error that is sent, characters. */
const MAX_TEXT_LENGTH = 1024;

/** A record before validation. */
type RawRecord = Readonly<Record<string, unknown>>;

/**
 * Messages as MessagePack records with bulk data behind them, for peers on other hosts and in other
 * languages. The specification of it is docs/portable-protocol.md.
 */
export class PortableEncoding implements Encoding {
  readonly name = 'portable';
  readonly replyWindowBytes = REPLY_WINDOW_BYTES;
  readonly framing: Framing;
  readonly #maxDataXferSize: number;
  readonly #out = new FrameWriter();
  readonly #bulk = new BulkReader();
  readonly #hot = new HotReader();

  constructor(options: PortableFramingOptions = {}) {
    this.framing = new PortableFraming(options);
    this.#maxDataXferSize = options.maxDataXferSize ?? DEFAULT_MAX_DATA_XFER_SIZE;
  }

  versionReplyRoom(): number {
    return Number.POSITIVE_INFINITY;
  }

  encodeRequest<C extends KnownCommand>(
    command: C,
    id: number,
    body: RequestBodies[C],
    noReply = false,
  ): EncodedMessage {
    const forms = hotForms.get(command);
    if (forms !== undefined && !hasManyRanges(body)) {
      return writeHot(this.#out, noReply ? forms.oneWay : forms.request, id, body as object);
    }
    return this.#write(requestSchema(command), id, body, noReply);
  }

  encodeReply<C extends KnownCommand>(
    command: C,
    id: number,
    body: ReplyBodies[C],
  ): EncodedMessage {
    const form = hotForms.get(command)?.reply;
    if (form !== undefined && body !== undefined) return writeHot(this.#out, form, id, body);
    return this.#write(replySchema(command), id, body, false);
  }

  encodeError(command: number, id: number, errno: number, text?: string): EncodedMessage {
    const shortened = text?.slice(0, MAX_TEXT_LENGTH);
    this.#out.begin();
    this.#out.packed(packRecord({ type: 'error', command, id, errno, text: shortened }));
    this.#out.endRecord();
    return this.#out.finish();
  }

  decode(frame: Frame): Message {
    const { bytes, view, start, length } = frame;
    if (length < FRAME_HEADER_BYTES) return unreadable(`a frame of ${length} bytes has no header`);
    const recordStart = start + FRAME_HEADER_BYTES;
    const bulkBytes = length - FRAME_HEADER_BYTES - recordLength(view, start);
    if (bulkBytes < 0) return unreadable(`the record is longer than its frame of ${length} bytes`);
    const recordEnd = start + length - bulkBytes;
    const message = this.#hot.read(bytes, view, recordStart, recordEnd, bulkBytes);
    if (message !== undefined) return message;
    const record = unpackRecord(bytes, view, recordStart, recordEnd);
    if (typeof record === 'string') return unreadable(record);
    this.#bulk.moveTo(view, recordEnd, bulkBytes);
    if (record.type === 'error') return decodeError(record);
    const schema = schemaFor(record);
    if (typeof schema === 'string') return malformed(record, schema);
    return this.#decodeMessage(record, schema);
  }

  #write(
    schema: MessageSchema | undefined,
    id: number,
    body: unknown,
    noReply: boolean,
  ): EncodedMessage {
    if (schema === undefined) throw new VfioUserError('VFU_UNSUPPORTED', 'unknown command');
    const { type, command, codec } = schema;
    const record = {
      type,
      command,
      id,
      noReply: noReply || undefined,
      body: body === undefined || codec === undefined ? undefined : recordOf(codec, body),
    };
    this.#out.begin();
    this.#out.packed(packRecord(record));
    this.#out.endRecord();
    if (body !== undefined) codec?.writeBulk?.(body, this.#out);
    return this.#out.finish();
  }

  #decodeMessage(raw: RawRecord, { type, command, record, codec }: MessageSchema): Message {
    const parsed = record.safeParse(raw);
    if (!parsed.success) return malformed(raw, issuesText(parsed.error));
    const { id, noReply = false, body: fields } = parsed.data;
    const body =
      codec === undefined || fields === undefined
        ? undefined
        : codec.fromRecord(fields, this.#bulk, this.#maxDataXferSize);
    if (typeof body === 'string') return malformed(raw, body);
    if (this.#bulk.fault !== undefined) return malformed(raw, this.#bulk.fault);
    const message =
      type === 'request'
        ? { kind: 'request', command, id, noReply, body }
        : { kind: 'reply', command, id, body };
    // The body matches the command, which the compiler cannot infer.
    return message as Message;
  }
}

/** Whether a body has more pushed ranges than a hot message can have. */
function hasManyRanges(body: unknown): boolean {
  const { pushed } = body as { readonly pushed?: readonly unknown[] };
  return pushed !== undefined && pushed.length > MAX_HOT_RANGES;
}

/** The record of a body, without `argsz` and bulk data. */
function recordOf({ schema, toRecord }: PortableBodyCodec<unknown>, body: unknown): object {
  const whole = toRecord(body);
  const record: Record<string, unknown> = {};
  for (const key in schema.shape) record[key] = whole[key];
  return record;
}

function schemaFor({ type, command }: RawRecord): MessageSchema | string {
  if (type !== 'request' && type !== 'reply') return 'its type is no request, reply or error';
  if (typeof command !== 'number') return 'the record names no command';
  const schema = type === 'request' ? requestSchema(command) : replySchema(command);
  return schema ?? 'unknown command';
}

function decodeError(record: RawRecord): ErrorMessage | MalformedMessage {
  const parsed = errorRecord.safeParse(record);
  if (!parsed.success) return malformed(record, issuesText(parsed.error));
  const { command, id, errno, text } = parsed.data;
  const error = { kind: 'error', command, id, errno } as const;
  return text === undefined ? error : { ...error, text };
}

/** Anything but a reply counts as a request, so that its sender gets an error. */
function malformed(record: RawRecord, reason: string): MalformedMessage {
  const { type, noReply } = record;
  const command = uint16Or(record.command, 0);
  const id = uint16Or(record.id, -1);
  const isRequest = type !== 'reply' && type !== 'error';
  return {
    kind: 'malformed',
    isRequest,
    command,
    id: Math.max(id, 0),
    // Without an id it cannot be answered.
    noReply: isRequest && (noReply === true || id < 0),
    errno: EINVAL,
    reason: `${commandName(command)}: ${reason}`,
  };
}

/** An unreadable record counts as a request without a reply, as it cannot be answered. */
function unreadable(reason: string): MalformedMessage {
  return malformed({}, reason);
}

function uint16Or(value: unknown, otherwise: number): number {
  const fits = Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff;
  return fits ? (value as number) : otherwise;
}
