import { type Iova, iovaFromHalves } from '../../address.js';
import { Command } from '../constants.js';
import type { Message } from '../messages.js';
import type { HotPrefix, HotPrefixes } from './hot-prefixes.js';
import { keyBytes } from './hot-prefixes.js';
import { hot } from './hot-writer.js';

const OFFSET = keyBytes('offset');
const REGION = keyBytes('region');
const COUNT = keyBytes('count');
const ADDRESS = keyBytes('address');

const MAX_UINT16 = 0xffff;
const MAX_UINT32 = 0xffff_ffff;

/** `type` is the first key, `command` the second: where their values lie in a hot record. */
const TYPE_AT = 6;
const REQUEST_COMMAND_AT = hot.regionRead.request.beforeId.indexOf(Command.REGION_READ);
const REPLY_COMMAND_AT = hot.regionRead.reply.beforeId.indexOf(Command.REGION_READ);
const REQUEST_FORMAT = hot.regionRead.request.beforeId[TYPE_AT];
const ONE_WAY_MAP = hot.regionRead.oneWay.beforeId[0];

/** A position from which on nothing matches: behind every end. */
const GAVE_UP = 2 ** 30 - 1;

/**
 * Reads register and memory accesses whose keys come in the order in which {@link FrameWriter} puts
 * them. Whatever else a frame holds, a mistake included, is left to the schemas.
 */
export class HotReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  /** End of the record; the bulk data lies behind it. */
  #end = 0;
  #bulkBytes = 0;

  /** The message in the record `[start, end)` with `bulkBytes` behind it, if it is one of these. */
  read(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    bulkBytes: number,
  ): Message | undefined {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = start;
    this.#end = end;
    this.#bulkBytes = bulkBytes;
    if (end - start < hot.dmaRead.reply.beforeId.length) return undefined;
    const isRequest = bytes[start + TYPE_AT] === REQUEST_FORMAT;
    const command = bytes[start + (isRequest ? REQUEST_COMMAND_AT : REPLY_COMMAND_AT)];
    switch (command) {
      case Command.REGION_READ:
        return this.#region(command, hot.regionRead, isRequest, !isRequest);
      case Command.REGION_WRITE:
        return this.#region(command, hot.regionWrite, isRequest, isRequest);
      case Command.DMA_READ:
        return this.#dma(command, hot.dmaRead, isRequest, !isRequest);
      case Command.DMA_WRITE:
        return this.#dma(command, hot.dmaWrite, isRequest, isRequest);
      default:
        return undefined;
    }
  }

  #region(
    command: typeof Command.REGION_READ | typeof Command.REGION_WRITE,
    prefixes: HotPrefixes,
    isRequest: boolean,
    hasData: boolean,
  ): Message | undefined {
    const noReply = isRequest && this.#bytes[this.#at] === ONE_WAY_MAP;
    const id = this.#envelope(pick(prefixes, isRequest, noReply));
    const offset = this.#number(OFFSET, Number.MAX_SAFE_INTEGER);
    const region = this.#number(REGION, MAX_UINT32);
    const count = this.#number(COUNT, MAX_UINT32);
    if (!this.#complete(hasData ? count : 0)) return undefined;
    const body = hasData
      ? { offset, region, count, data: this.#bulk(count) }
      : { offset, region, count };
    return message(command, isRequest, id, noReply, body);
  }

  #dma(
    command: typeof Command.DMA_READ | typeof Command.DMA_WRITE,
    prefixes: HotPrefixes,
    isRequest: boolean,
    hasData: boolean,
  ): Message | undefined {
    const noReply = isRequest && this.#bytes[this.#at] === ONE_WAY_MAP;
    const id = this.#envelope(pick(prefixes, isRequest, noReply));
    this.#constant(ADDRESS);
    const address = this.#integer();
    const count = this.#number(COUNT, Number.MAX_SAFE_INTEGER);
    if (!this.#complete(hasData ? count : 0)) return undefined;
    const body = hasData ? { address, count, data: this.#bulk(count) } : { address, count };
    return message(command, isRequest, id, noReply, body);
  }

  #envelope({ beforeId, beforeBody }: HotPrefix): number {
    const id = this.#number(beforeId, MAX_UINT16);
    this.#constant(beforeBody);
    return id;
  }

  #number(key: Uint8Array, max: number): number {
    this.#constant(key);
    const value = this.#integer();
    if (typeof value === 'number' && value <= max) return value;
    this.#at = GAVE_UP;
    return 0;
  }

  /** Step over bytes that must be there. */
  #constant(expected: Uint8Array): void {
    const count = expected.length;
    const at = this.#at;
    const bytes = this.#bytes;
    let i = count <= this.#end - at ? 0 : count + 1;
    while (i < count && bytes[at + i] === expected[i]) i++;
    this.#at = i === count ? at + count : GAVE_UP;
  }

  #integer(): Iova {
    const at = this.#at;
    const left = this.#end - at;
    const format = left > 0 ? (this.#bytes[at] as number) : 0xc1; // inside the record
    if (format < 0x80) {
      this.#at = at + 1;
      return format;
    }
    if (format === 0xcc && left > 1) {
      this.#at = at + 2;
      return this.#bytes[at + 1] as number; // inside the record
    }
    if (format === 0xcd && left > 2) {
      this.#at = at + 3;
      return this.#view.getUint16(at + 1);
    }
    if (format === 0xce && left > 4) {
      this.#at = at + 5;
      return this.#view.getUint32(at + 1);
    }
    if ((format === 0xcf || format === 0xd3) && left > 8) {
      this.#at = at + 9;
      const high = this.#view.getUint32(at + 1);
      // A negative int64 is for the schemas to refuse.
      if (format === 0xcf || high < 0x8000_0000) {
        return iovaFromHalves(this.#view.getUint32(at + 5), high);
      }
    }
    this.#at = GAVE_UP;
    return 0;
  }

  #complete(dataBytes: number): boolean {
    return this.#at === this.#end && dataBytes === this.#bulkBytes;
  }

  #bulk(count: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#end, count);
  }
}

function pick(prefixes: HotPrefixes, isRequest: boolean, noReply: boolean): HotPrefix {
  if (!isRequest) return prefixes.reply;
  return noReply ? prefixes.oneWay : prefixes.request;
}

function message(
  command: number,
  isRequest: boolean,
  id: number,
  noReply: boolean,
  body: object,
): Message {
  const message = isRequest
    ? { kind: 'request', command, id, noReply, body }
    : { kind: 'reply', command, id, body };
  // The callers read the fields that this command has, which the compiler cannot follow.
  return message as unknown as Message;
}
