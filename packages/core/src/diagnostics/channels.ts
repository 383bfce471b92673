import { channel } from 'node:diagnostics_channel';
import type { Attachment } from './attachment.js';

/**
 * What the library tells whoever wants to know, by `node:diagnostics_channel`. Without subscribers
 * nothing is measured: no clock is read, no message is made. Messages are published inside the
 * work they tell of, so a subscriber should be quick.
 */
export interface DiagnosticsChannel<Message extends object> {
  /** For `diagnostics_channel.subscribe(name, ...)`. */
  readonly name: string | symbol;
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  subscribe(listener: (message: Message) => void): void;
  unsubscribe(listener: (message: Message) => void): void;
}

/** `vfio-user:request`: a request of the peer was handled, on either side of a session. */
export interface RequestHandled {
  /** See {@link Command}; a number that is none of them was refused. */
  readonly command: number;
  readonly peer: string;
  /** Of the request with its header, as the transport delivered it. */
  readonly bytesIn: number;
  /** Of the reply; 0 where none was wanted. */
  readonly bytesOut: number;
  /** From the request's arrival until its reply was handed to the transport. */
  readonly durationMs: number;
  /** 0, or what the peer was told. */
  readonly errno: number;
}

/**
 * How guest memory was reached: `shared` copied from or to memory that the client shared; `view`
 * handed such memory to the device, which uses it unseen; `pushed` had come along with a doorbell;
 * `one-sided` let an adapter do it; `messages` asked the client.
 */
export type DmaPath = 'shared' | 'view' | 'pushed' | 'one-sided' | 'messages';

/** Which device a message is about, and for whom it works. */
export interface AboutDevice {
  /** In a server the name of its definition; in a client or a bridge the URI that it connects to. */
  readonly device: string;
  /**
   * In a server or a bridge the client, in a client the server, as in {@link RequestHandled};
   * `undefined` when there is none, or no more.
   */
  readonly peer: string | undefined;
}

/** `vfio-user:dma`: guest memory was accessed, or could not be. */
export interface DmaDone extends AboutDevice {
  readonly path: DmaPath;
  /** As the device sees it. */
  readonly direction: 'read' | 'write' | 'readwrite';
  readonly bytes: number;
  /** Of what is a transfer: `one-sided` and `messages`. */
  readonly durationMs?: number;
  /** 0, or why the transfer failed. */
  readonly errno: number;
}

/** `vfio-user:interrupt`: a client was notified. What is masked or pending is not told. */
export interface InterruptSent extends AboutDevice {
  /** See {@link Irq}. */
  readonly index: number;
  readonly vector: number;
  readonly count: number;
}

/** `vfio-user:session`: a client of a server or a bridge came, went or was turned away. */
export type SessionChange =
  | { readonly event: 'begun'; readonly peer: string }
  /** `error` is absent when the client left in an orderly way. */
  | { readonly event: 'ended'; readonly peer: string; readonly error: Error | undefined }
  | { readonly event: 'turned-away'; readonly peer: string; readonly error: unknown };

/** `vfio-user:link`: a bridge lost its device, or reached it again and told it all it must know. */
export type LinkChange =
  | { readonly event: 'lost'; readonly device: string; readonly error: Error }
  | { readonly event: 'reached-again'; readonly device: string };

/**
 * `vfio-user:error`: a request was refused or failed, a connection ended by an error, or a device
 * accessed memory that it may not ({@link DmaFaultError}).
 */
export interface ErrorSeen {
  readonly error: unknown;
  /** Absent for DMA. */
  readonly peer?: string | undefined;
}

/** Every channel of this library. */
export const diagnostics = {
  request: typed<RequestHandled>('vfio-user:request'),
  dma: typed<DmaDone>('vfio-user:dma'),
  interrupt: typed<InterruptSent>('vfio-user:interrupt'),
  session: typed<SessionChange>('vfio-user:session'),
  link: typed<LinkChange>('vfio-user:link'),
  error: typed<ErrorSeen>('vfio-user:error'),
} as const;

/** Publishes an error, with the peer where a connection is involved. */
export function publishError(error: unknown, connection?: { readonly peer: string }): void {
  if (diagnostics.error.hasSubscribers) {
    diagnostics.error.publish({ error, peer: connection?.peer });
  }
}

/** Publishes that a client was notified of an interrupt. */
export function publishInterrupt(
  { device, peer }: Attachment,
  index: number,
  vector: number,
  count: number,
): void {
  if (!diagnostics.interrupt.hasSubscribers) return;
  diagnostics.interrupt.publish({ device, peer, index, vector, count });
}

function typed<Message extends object>(name: string): DiagnosticsChannel<Message> {
  // Nobody but this library publishes there.
  return channel(name) as DiagnosticsChannel<Message>;
}
