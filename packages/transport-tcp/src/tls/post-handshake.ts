import { AlertDescription, HandshakeType, TlsViolation } from './record.js';

const HEADER_BYTES = 4;
const KEY_UPDATE_BYTES = 1;
/** The ticket itself and its extensions have up to 64 KiB each. */
const MAX_TICKET_BYTES = 0x2_0200;

/** What the messages that follow a handshake ask for. */
export interface PostHandshakeEvents {
  /** What follows is encrypted with the next key. With `request` the peer wants the same of us. */
  onKeyUpdate(request: boolean): void;
}

/** Handshake messages after the handshake (RFC 8446, section 4.6), which may be spread over records. */
export class PostHandshake {
  readonly #isServer: boolean;
  readonly #events: PostHandshakeEvents;
  #bytes: Uint8Array = NO_BYTES;

  constructor(isServer: boolean, events: PostHandshakeEvents) {
    this.#isServer = isServer;
    this.#events = events;
  }

  /** @throws {TlsViolation} */
  receive(fragment: Uint8Array): void {
    if (fragment.length === 0) throw unexpected('an empty handshake record');
    this.#bytes = this.#bytes.length > 0 ? Buffer.concat([this.#bytes, fragment]) : fragment;
    while (this.#bytes.length >= HEADER_BYTES) {
      const [type, high, middle, low] = this.#bytes as unknown as readonly number[];
      const length = ((high as number) << 16) | ((middle as number) << 8) | (low as number);
      this.#check(type as number, length);
      if (this.#bytes.length < HEADER_BYTES + length) return;
      const body = this.#bytes.subarray(HEADER_BYTES, HEADER_BYTES + length);
      this.#bytes = this.#bytes.subarray(HEADER_BYTES + length);
      if (type === HandshakeType.KEY_UPDATE) this.#onKeyUpdate(body[0] as number);
    }
  }

  /** A ticket is let pass: no session is resumed, each connection proves anew who it is. */
  #check(type: number, length: number): void {
    if (type === HandshakeType.KEY_UPDATE) {
      if (length !== KEY_UPDATE_BYTES) throw malformed(`a key update of ${length} bytes`);
    } else if (type !== HandshakeType.NEW_SESSION_TICKET || this.#isServer) {
      throw unexpected(`a handshake message of type ${type}`);
    } else if (length > MAX_TICKET_BYTES) {
      throw malformed(`a ticket of ${length} bytes`);
    }
  }

  #onKeyUpdate(request: number): void {
    if (request > 1)
      throw new TlsViolation(`a key update of ${request}`, AlertDescription.ILLEGAL_PARAMETER);
    if (this.#bytes.length > 0) throw unexpected('a key update that does not end its record');
    this.#events.onKeyUpdate(request === 1);
  }
}

function malformed(what: string): TlsViolation {
  return new TlsViolation(what, AlertDescription.DECODE_ERROR);
}

function unexpected(what: string): TlsViolation {
  return new TlsViolation(what, AlertDescription.UNEXPECTED_MESSAGE);
}

const NO_BYTES = new Uint8Array(0);
