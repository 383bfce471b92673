import { EIO } from './errno.js';

/** Stable machine-readable codes. Adding one is minor, renaming one is breaking. */
export type VfioUserErrorCode =
  | 'VFU_CONFIG_INVALID'
  | 'VFU_PEER_CLOSED'
  | 'VFU_PROTOCOL_VIOLATION'
  | 'VFU_REMOTE_ERROR'
  | 'VFU_REQUEST_REFUSED'
  | 'VFU_DMA_FAULT'
  | 'VFU_TIMEOUT'
  | 'VFU_UNSUPPORTED'
  | 'VFU_SYSTEM_ERROR';

const brand = Symbol.for('vfio-user.error');

export interface VfioUserErrorOptions extends ErrorOptions {
  /** What to do about it, in whole sentences. */
  readonly advice?: string | undefined;
}

/** Base class of the errors of this project. */
export class VfioUserError extends Error {
  readonly code: VfioUserErrorCode;
  /** What to do about it, if known. */
  declare readonly advice?: string;

  constructor(code: VfioUserErrorCode, message: string, options: VfioUserErrorOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    if (options.advice !== undefined) this.advice = options.advice;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Works across duplicated installs, unlike `instanceof`. */
  static is(value: unknown): value is VfioUserError {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

/** The peer violated the protocol; the connection cannot go on. */
export class ProtocolViolationError extends VfioUserError {
  constructor(message: string, options?: ErrorOptions) {
    super('VFU_PROTOCOL_VIOLATION', message, options);
  }
}

/** The peer answered with an error reply. `errno` is the Linux number it sent, 0 if none. */
export class RemoteError extends VfioUserError {
  readonly errno: number;

  constructor(message: string, errno: number) {
    super('VFU_REMOTE_ERROR', message);
    this.errno = errno;
  }
}

/** Refuses a request of the peer: it gets an error reply with `errno`, and the session goes on. */
export class RequestRefusedError extends VfioUserError {
  readonly errno: number;

  constructor(errno: number, message: string, options?: ErrorOptions) {
    super('VFU_REQUEST_REFUSED', message, options);
    this.errno = errno;
  }
}

/** A DMA access to memory that the client did not map, or not with the permission it needs. */
export class DmaFaultError extends VfioUserError {
  readonly errno: number;

  constructor(errno: number, message: string, options?: ErrorOptions) {
    super('VFU_DMA_FAULT', message, options);
    this.errno = errno;
  }
}

/** The errno to send to a peer for an error. Never 0, which some peers would take for success. */
export function errnoOf(error: unknown): number {
  const hasErrno = error instanceof RequestRefusedError || error instanceof DmaFaultError;
  return hasErrno && error.errno !== 0 ? error.errno : EIO;
}
