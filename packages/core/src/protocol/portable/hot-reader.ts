import type { Iova } from '../../address.js';
import { Command } from '../enums.js';
import type { Message, PushedMemory } from '../messages.js';
import { MAX_UINT16 } from './fields.js';
import { HotCursor } from './hot-cursor.js';
import {
  ADDRESS,
  ARRAY_FORMAT,
  type HotBody,
  type HotForm,
  type HotForms,
  hotForms,
  MAX_HOT_RANGES,
  mapFormat,
  pushedKey,
  pushedRange,
} from './hot-forms.js';

/** `type` is the first key, `command` the second: where their values lie in a hot record. */
const { request, oneWay, reply } = hotForms.get(Command.REGION_READ) as Required<HotForms>;
const TYPE_AT = 6;
const REQUEST_COMMAND_AT = request.beforeId.indexOf(Command.REGION_READ);
const REPLY_COMMAND_AT = (reply as HotForm).beforeId.indexOf(Command.REGION_READ);
const REQUEST_FORMAT = request.beforeId[TYPE_AT];
const ONE_WAY_MAP = oneWay.beforeId[0];

/** A hot record is never shorter. */
const MIN_BYTES = Math.min(
  ...Array.from(hotForms.values(), (forms) => (forms.reply ?? forms.request).beforeId.length),
);

/** An extension command takes a format byte and two more; they differ in the last. */
const UINT16_FORMAT = 0xcd;
const EXTENSION_BYTE = 2;
const EXTENSIONS = 0x8000;
const COMMANDS = 0x100;

/** The forms by the byte that tells their commands apart, those of extensions behind the others. */
const formsByByte: readonly (HotForms | undefined)[] = Array.from(
  { length: 2 * COMMANDS },
  (_, i) => hotForms.get(i < COMMANDS ? i : EXTENSIONS | (i - COMMANDS)),
);

type Body = Record<string, Iova | Uint8Array | readonly PushedMemory[]>;

/**
 * Decodes hot messages whose keys are in our own order. Anything else in a frame, including errors,
 * is left to the schemas.
 */
export class HotReader {
  readonly #cursor = new HotCursor();

  /** The message in the record `[start, end)` with `bulkBytes` behind it, if it is one of these. */
  read(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    bulkBytes: number,
  ): Message | undefined {
    if (end - start < MIN_BYTES) return undefined;
    const isRequest = bytes[start + TYPE_AT] === REQUEST_FORMAT;
    const forms = formsAt(bytes, start + (isRequest ? REQUEST_COMMAND_AT : REPLY_COMMAND_AT));
    if (forms === undefined) return undefined;
    const noReply = isRequest && bytes[start] === ONE_WAY_MAP;
    const form = isRequest ? (noReply ? forms.oneWay : forms.request) : forms.reply;
    if (form === undefined) return undefined;
    const cursor = this.#cursor;
    cursor.moveTo(bytes, view, start, end, bulkBytes);
    const id = cursor.number(form.beforeId, MAX_UINT16);
    cursor.constant(form.beforeBody);
    const body = this.#body(form.body);
    if (!cursor.complete) return undefined;
    const { command } = form;
    const message = isRequest
      ? { kind: 'request', command, id, noReply, body }
      : { kind: 'reply', command, id, body };
    // The body matches the command, which the compiler cannot infer.
    return message as unknown as Message;
  }

  #body(form: HotBody): Body {
    const cursor = this.#cursor;
    const fields = form.names.length;
    const isPushing = form.hasPushed && cursor.next === mapFormat(fields + 1);
    cursor.byte(mapFormat(isPushing ? fields + 1 : fields));
    const body = this.#fields(form);
    const ranges = isPushing ? this.#ranges() : 0;
    if (form.hasData) body.data = cursor.bulk(body.count as number);
    if (isPushing) body.pushed = Array.from({ length: ranges }, () => this.#range());
    return body;
  }

  #fields({ names, keys, limits }: HotBody): Body {
    const cursor = this.#cursor;
    const body: Body = {};
    for (let i = 0; i < names.length; i++) {
      const key = keys[i] as Uint8Array; // as many as names
      const limit = limits[i] as number; // as many as names
      body[names[i] as string] = limit === ADDRESS ? cursor.iova(key) : cursor.number(key, limit);
    }
    return body;
  }

  #ranges(): number {
    const cursor = this.#cursor;
    cursor.constant(pushedKey);
    const ranges = cursor.next - ARRAY_FORMAT;
    cursor.byte(ARRAY_FORMAT | (ranges & MAX_HOT_RANGES));
    return ranges & MAX_HOT_RANGES;
  }

  #range(): PushedMemory {
    this.#cursor.byte(mapFormat(pushedRange.names.length));
    const { address, count } = this.#fields(pushedRange);
    return { address: address as Iova, data: this.#cursor.bulk(count as number) };
  }
}

function formsAt(bytes: Uint8Array, at: number): HotForms | undefined {
  const byte = bytes[at] as number; // above MIN_BYTES
  if (byte !== UINT16_FORMAT) return formsByByte[byte];
  return formsByByte[COMMANDS + (bytes[at + EXTENSION_BYTE] as number)]; // above MIN_BYTES
}
