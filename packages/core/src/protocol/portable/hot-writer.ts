import type { Iova } from '../../address.js';
import type { EncodedMessage } from '../encoding.js';
import type { PushedMemory } from '../messages.js';
import type { FrameWriter } from './frame-writer.js';
import {
  ARRAY_FORMAT,
  type HotBody,
  type HotForm,
  mapFormat,
  pushedKey,
  pushedRange,
} from './hot-forms.js';

/** The non-integer parts of a body. */
interface Payload {
  readonly data?: Uint8Array;
  readonly pushed?: readonly PushedMemory[] | undefined;
}

/** Write a hot message. Pushed memory has at most `MAX_HOT_RANGES` ranges. */
export function writeHot(
  out: FrameWriter,
  { beforeId, beforeBody, body }: HotForm,
  id: number,
  values: object,
): EncodedMessage {
  const { data, pushed } = values as Payload;
  out.begin();
  out.packed(beforeId);
  out.integer(id);
  out.packed(beforeBody);
  out.byte(mapFormat(body.names.length + (pushed === undefined ? 0 : 1)));
  writeFields(out, body, values);
  if (pushed !== undefined) writeRanges(out, pushed);
  out.endRecord();
  if (body.hasData) out.bulk(data as Uint8Array);
  if (pushed !== undefined) for (const range of pushed) out.bulk(range.data);
  return out.finish();
}

function writeRanges(out: FrameWriter, pushed: readonly PushedMemory[]): void {
  out.packed(pushedKey);
  out.byte(ARRAY_FORMAT | pushed.length);
  for (const { address, data } of pushed) {
    out.byte(mapFormat(pushedRange.names.length));
    writeFields(out, pushedRange, { address, count: data.length });
  }
}

function writeFields(out: FrameWriter, { names, keys }: HotBody, values: object): void {
  const fields = values as Readonly<Record<string, Iova>>;
  for (let i = 0; i < names.length; i++) {
    out.packed(keys[i] as Uint8Array); // as many as names
    out.integer(fields[names[i] as string] as Iova);
  }
}
