import { PREFACE_HEADER_BYTES, prefaceLength } from '../protocol/portable/preface.js';
import { packRecord, unpackRecord } from '../protocol/portable/record-packing.js';
import type { Handshake } from '../transport/handshake.js';

/** Takes what one side says before its first frame, to be said to the other. */
export class RelayedPreface implements Handshake {
  readonly greeting: Uint8Array;
  readonly #onReceived: (preface: Uint8Array) => void;
  /** What the peer said, for the other side; there once the handshake is complete. */
  received: Uint8Array | undefined;

  /**
   * @param greeting what is said here, where it is known already.
   * @param onReceived gets what the peer says, before its first frame is delivered.
   */
  constructor(
    greeting: Uint8Array = new Uint8Array(0),
    onReceived: (preface: Uint8Array) => void = () => {},
  ) {
    this.greeting = greeting;
    this.#onReceived = onReceived;
  }

  consume(bytes: Uint8Array): number | undefined {
    const length = prefaceLength(bytes);
    if (length === undefined || length > bytes.length) return undefined;
    this.received = withoutAttachment(Uint8Array.from(bytes.subarray(0, length)));
    this.#onReceived(this.received);
    return length;
  }
}

/** What a transport attached is about its own connection, and would mislead anybody else's. */
function withoutAttachment(preface: Uint8Array): Uint8Array {
  const view = new DataView(preface.buffer, preface.byteOffset, preface.length);
  const map = unpackRecord(preface, view, PREFACE_HEADER_BYTES, preface.length);
  if (typeof map === 'string' || map.attachment === undefined) return preface;
  const { attachment: _left, ...rest } = map;
  const packed = packRecord(rest);
  const bytes = new Uint8Array(PREFACE_HEADER_BYTES + packed.length);
  bytes.set(preface.subarray(0, PREFACE_HEADER_BYTES));
  new DataView(bytes.buffer).setUint32(MAP_BYTES, packed.length, true);
  bytes.set(packed, PREFACE_HEADER_BYTES);
  return bytes;
}

/** Where a preface says how long its map is. */
const MAP_BYTES = 12;
