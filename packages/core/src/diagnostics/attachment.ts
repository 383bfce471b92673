/** A device and its client: the subject of a diagnostics message. */
export class Attachment {
  /** Name of the device; on a client, the URI of the device. */
  readonly device: string;
  /** The client's connection; `undefined` while there is none. */
  peer: string | undefined;

  constructor(device: string) {
    this.device = device;
  }
}
