import type { Handshake } from '@vfio-user/core';
import { takeRecord, withLength } from './records.js';

/** What stands for the preface where the encoding has none: only the attachment. */
export class BareHandshake implements Handshake {
  readonly greeting: Uint8Array;
  #attachment: Uint8Array | undefined;

  constructor(attachment: Uint8Array | undefined) {
    this.greeting = withLength(attachment ?? new Uint8Array(0));
  }

  get attachment(): Uint8Array | undefined {
    return this.#attachment;
  }

  consume(bytes: Uint8Array): number | undefined {
    const record = takeRecord(bytes);
    this.#attachment = record?.value;
    return record?.length;
  }
}
