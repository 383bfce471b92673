/** A device, and the client that it serves: who a message of the diagnostics channels is about. */
export class Attachment {
  /** Its name; for who is at the other end of a connection, where it is. */
  readonly device: string;
  /** The other end of the client's connection; `undefined` while there is none. */
  peer: string | undefined;

  constructor(device: string) {
    this.device = device;
  }
}
