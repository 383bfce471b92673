import { platform } from './platform.js';

const HIGH = 0x1_0000_0000;

/** Memory outside the JavaScript heap, for C structures. It never moves, and lives as long as this object. */
export class NativeStruct {
  readonly view: DataView;
  readonly address: number;

  constructor(bytes: number) {
    const buffer = new ArrayBuffer(bytes);
    this.view = new DataView(buffer);
    this.address = Number(platform().koffi.address(new Uint8Array(buffer)));
  }

  setUint8(offset: number, value: number): void {
    this.view.setUint8(offset, value);
  }

  setUint16(offset: number, value: number): void {
    this.view.setUint16(offset, value, true);
  }

  setUint32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
  }

  uint32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  /** Stores 64 bits without a BigInt. */
  setWord(offset: number, value: number): void {
    this.view.setUint32(offset, value % HIGH, true);
    this.view.setUint32(offset + 4, Math.floor(value / HIGH), true);
  }

  /** 64 bits as a number: exact below 2^53, where every user space address is. */
  word(offset: number): number {
    return this.view.getUint32(offset, true) + this.view.getUint32(offset + 4, true) * HIGH;
  }

  clear(): void {
    new Uint8Array(this.view.buffer).fill(0);
  }
}

/** Looks at a structure that belongs to the library. Not to be kept: it dies with the structure. */
export function foreign(address: number, bytes: number): DataView {
  return new DataView(platform().koffi.view(address, bytes));
}

/** A pointer in a structure that belongs to the library. */
export function foreignPointer(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}
