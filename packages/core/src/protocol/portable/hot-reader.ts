import { Command, ExtensionCommand } from '../constants.js';
import type { Message, PushedMemory } from '../messages.js';
import { HotCursor } from './hot-cursor.js';
import { ARRAY_FORMAT, hot, key, MAX_HOT_RANGES } from './hot-keys.js';
import { type HotPrefixes, mapFormat } from './hot-prefixes.js';

const MAX_UINT16 = 0xffff;
const MAX_UINT32 = 0xffff_ffff;

/** `type` is the first key, `command` the second: where their values lie in a hot record. */
const TYPE_AT = 6;
const REQUEST_COMMAND_AT = hot.regionRead.request.beforeId.indexOf(Command.REGION_READ);
const REPLY_COMMAND_AT = hot.regionRead.reply.beforeId.indexOf(Command.REGION_READ);
const REQUEST_FORMAT = hot.regionRead.request.beforeId[TYPE_AT];
const ONE_WAY_MAP = hot.regionRead.oneWay.beforeId[0];

/** An extension command takes a format byte and two more; they differ in the last. */
const UINT16_FORMAT = 0xcd;
const EXTENSION_BYTE = 2;

/** A hot record is never shorter. */
const MIN_BYTES = hot.dmaRead.reply.beforeId.length;

/**
 * Reads hot messages whose keys come in the order in which ours are written. Whatever else a frame
 * holds, a mistake included, is left to the schemas.
 */
export class HotReader {
  readonly #cursor = new HotCursor();
  #id = 0;
  #noReply = false;

  /** The message in the record `[start, end)` with `bulkBytes` behind it, if it is one of these. */
  read(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    bulkBytes: number,
  ): Message | undefined {
    if (end - start < MIN_BYTES) return undefined;
    this.#cursor.moveTo(bytes, view, start, end, bulkBytes);
    if (bytes[start + TYPE_AT] === REQUEST_FORMAT) {
      return this.#request(bytes, start + REQUEST_COMMAND_AT);
    }
    return this.#reply(bytes[start + REPLY_COMMAND_AT]);
  }

  #request(bytes: Uint8Array, commandAt: number): Message | undefined {
    switch (bytes[commandAt]) {
      case Command.REGION_READ:
        this.#envelope(hot.regionRead);
        return this.#finishRequest(Command.REGION_READ, this.#regionAccess());
      case Command.REGION_WRITE:
        this.#envelope(hot.regionWrite);
        return this.#finishRequest(Command.REGION_WRITE, this.#regionWrite());
      case Command.DMA_READ:
        this.#envelope(hot.dmaRead);
        return this.#finishRequest(Command.DMA_READ, this.#dmaAccess());
      case Command.DMA_WRITE:
        this.#envelope(hot.dmaWrite);
        return this.#finishRequest(Command.DMA_WRITE, this.#dmaData());
      case UINT16_FORMAT:
        return this.#signal(0x8000 | (bytes[commandAt + EXTENSION_BYTE] as number)); // above MIN_BYTES
      default:
        return undefined;
    }
  }

  #signal(command: number): Message | undefined {
    switch (command) {
      case ExtensionCommand.INTERRUPT:
        this.#envelope(hot.interrupt);
        return this.#finishRequest(command, this.#interrupt());
      case ExtensionCommand.DOORBELL:
        this.#envelope(hot.doorbell);
        return this.#finishRequest(command, this.#doorbell());
      default:
        return undefined;
    }
  }

  #reply(command: number | undefined): Message | undefined {
    switch (command) {
      case Command.REGION_READ:
        this.#replyEnvelope(hot.regionRead);
        return this.#finishReply(command, this.#regionData());
      case Command.REGION_WRITE:
        this.#replyEnvelope(hot.regionWrite);
        return this.#finishReply(command, this.#regionAccess());
      case Command.DMA_READ:
        this.#replyEnvelope(hot.dmaRead);
        return this.#finishReply(command, this.#dmaData());
      case Command.DMA_WRITE:
        this.#replyEnvelope(hot.dmaWrite);
        return this.#finishReply(command, this.#dmaAccess());
      default:
        return undefined;
    }
  }

  #envelope({ request, oneWay }: HotPrefixes): void {
    this.#noReply = this.#cursor.next === ONE_WAY_MAP;
    const { beforeId, beforeBody } = this.#noReply ? oneWay : request;
    this.#id = this.#cursor.number(beforeId, MAX_UINT16);
    this.#cursor.constant(beforeBody);
  }

  #replyEnvelope({ reply: { beforeId, beforeBody } }: HotPrefixes): void {
    this.#id = this.#cursor.number(beforeId, MAX_UINT16);
    this.#cursor.constant(beforeBody);
  }

  #regionAccess() {
    const cursor = this.#cursor;
    cursor.byte(mapFormat(3));
    const offset = cursor.number(key.offset, Number.MAX_SAFE_INTEGER);
    const region = cursor.number(key.region, MAX_UINT32);
    const count = cursor.number(key.count, MAX_UINT32);
    return { offset, region, count };
  }

  #regionData() {
    const { offset, region, count } = this.#regionAccess();
    return { offset, region, count, data: this.#cursor.bulk(count) };
  }

  #regionWrite() {
    const cursor = this.#cursor;
    if (cursor.next !== mapFormat(4)) return this.#regionData();
    cursor.byte(mapFormat(4));
    const offset = cursor.number(key.offset, Number.MAX_SAFE_INTEGER);
    const region = cursor.number(key.region, MAX_UINT32);
    const count = cursor.number(key.count, MAX_UINT32);
    cursor.constant(key.pushed);
    const ranges = cursor.next - ARRAY_FORMAT;
    cursor.byte(ARRAY_FORMAT | (ranges & MAX_HOT_RANGES));
    const data = cursor.bulk(count);
    const pushed: PushedMemory[] = [];
    for (let i = 0; i < ranges; i++) pushed.push(this.#pushedMemory());
    return { offset, region, count, data, pushed };
  }

  #pushedMemory(): PushedMemory {
    const { address, count } = this.#dmaAccess(MAX_UINT32);
    return { address, data: this.#cursor.bulk(count) };
  }

  #dmaAccess(maxCount = Number.MAX_SAFE_INTEGER) {
    this.#cursor.byte(mapFormat(2));
    const address = this.#cursor.iova(key.address);
    const count = this.#cursor.number(key.count, maxCount);
    return { address, count };
  }

  #dmaData() {
    const { address, count } = this.#dmaAccess();
    return { address, count, data: this.#cursor.bulk(count) };
  }

  #interrupt() {
    this.#cursor.byte(mapFormat(3));
    const index = this.#cursor.number(key.index, MAX_UINT32);
    const vector = this.#cursor.number(key.vector, MAX_UINT32);
    const count = this.#cursor.number(key.count, MAX_UINT32);
    return { index, vector, count };
  }

  #doorbell() {
    this.#cursor.byte(mapFormat(3));
    const region = this.#cursor.number(key.region, MAX_UINT32);
    const entry = this.#cursor.number(key.entry, MAX_UINT32);
    const count = this.#cursor.number(key.count, MAX_UINT32);
    return { region, entry, count };
  }

  #finishRequest(command: number, body: object): Message | undefined {
    if (!this.#cursor.complete) return undefined;
    const message = { kind: 'request', command, id: this.#id, noReply: this.#noReply, body };
    // The body was read with the fields of this very command, which the compiler cannot follow.
    return message as unknown as Message;
  }

  #finishReply(command: number, body: object): Message | undefined {
    if (!this.#cursor.complete) return undefined;
    const message = { kind: 'reply', command, id: this.#id, body };
    // As above.
    return message as unknown as Message;
  }
}
