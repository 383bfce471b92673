import type { Descriptor, Frame } from '@vfio-user/core';

/** What a frame's bytes become once its handler has returned: who kept it reads nonsense. */
const STALE = 0xdd;
/** Frames start at changing offsets, as they do in the receive buffer of a stream. */
const START_MASK = 7;

/** The one frame a receiver lends out, with its buffer. */
export class ReceivedFrame implements Frame {
  bytes = new Uint8Array(4096);
  view = new DataView(this.bytes.buffer);
  start = 0;
  length = 0;
  descriptors: readonly Descriptor[] = [];

  fill(head: Uint8Array, data: Uint8Array | undefined, descriptors: readonly Descriptor[]): void {
    this.length = head.length + (data?.length ?? 0);
    this.start = (this.start + 1) & START_MASK;
    if (this.start + this.length > this.bytes.length) {
      this.bytes = new Uint8Array(this.length + START_MASK);
      this.view = new DataView(this.bytes.buffer);
    }
    this.bytes.set(head, this.start);
    if (data !== undefined) this.bytes.set(data, this.start + head.length);
    this.descriptors = descriptors;
  }

  spoil(): void {
    this.bytes.fill(STALE, this.start, this.start + this.length);
    this.descriptors = [];
  }
}
