import { channel } from 'node:diagnostics_channel';

/**
 * Events of the library, by `node:diagnostics_channel`. Without subscribers nothing is measured: no
 * clock is read, no message is allocated. Messages are published synchronously, so a subscriber
 * should be quick.
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
  /** See {@link Command}; unknown numbers were refused. */
  readonly command: number;
  readonly peer: string;
  /** Size of the request, header included. */
  readonly bytesIn: number;
  /** Size of the reply; 0 without a reply. */
  readonly bytesOut: number;
  /** From the arrival of the request until its reply was handed to the transport. */
  readonly durationMs: number;
  /** 0, or the error of the reply. */
  readonly errno: number;
}

/**
 * How guest memory was accessed: `shared` copied from or to memory shared by the client; `view`
 * gave such memory to the device, whose accesses are not seen; `pushed` used data that came with a
 * doorbell; `one-sided` used RDMA; `messages` used DMA_READ or DMA_WRITE.
 */
export type DmaPath = 'shared' | 'view' | 'pushed' | 'one-sided' | 'messages';

/** The device and client of a message. */
export interface AboutDevice {
  /**
   * On a server, the name of the device definition; on a client or a bridge, the URI of the device.
   */
  readonly device: string;
  /**
   * On a server or a bridge, the client; on a client, the server. `undefined` while there is none.
   */
  readonly peer: string | undefined;
}

/** A device and its client, from one client to the next. */
export type Attachment = { -readonly [Name in keyof AboutDevice]: AboutDevice[Name] };

/** `vfio-user:dma`: an access to guest memory, or a failed one. */
export interface DmaDone extends AboutDevice {
  readonly path: DmaPath;
  /** From the device's point of view. */
  readonly direction: 'read' | 'write' | 'readwrite';
  readonly bytes: number;
  /** Present for `one-sided`, and for `messages` unless they are posted. */
  readonly durationMs?: number;
  /** 0, or the error. */
  readonly errno: number;
}

/** `vfio-user:interrupt`: a client was notified. Masked and pending interrupts are not reported. */
export interface InterruptSent extends AboutDevice {
  /** See {@link Irq}. */
  readonly index: number;
  readonly vector: number;
  readonly count: number;
}

/** `vfio-user:session`: a client of a server or a bridge was accepted, left, or was refused. */
export type SessionChange =
  | { readonly event: 'begun'; readonly peer: string }
  /** `error` is absent when the client left in an orderly way. */
  | { readonly event: 'ended'; readonly peer: string; readonly error: Error | undefined }
  | { readonly event: 'turned-away'; readonly peer: string; readonly error: unknown };

/**
 * `vfio-user:link`: the link of a session was lost, on either side, and the session was continued
 * over another one or has ended without; or a bridge lost the session with its device, or has begun
 * another and restored its state. `peer` is the client on a server, the URI of the device elsewhere.
 */
export type LinkChange =
  | { readonly event: 'interrupted'; readonly peer: string; readonly error: Error }
  | {
      readonly event: 'continued';
      readonly peer: string;
      /** Time without a link. */
      readonly gapMs: number;
      readonly framesSentAgain: number;
    }
  /** `error` is absent when it was closed in an orderly way. */
  | { readonly event: 'given-up'; readonly peer: string; readonly error: Error | undefined }
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
  // Only this library publishes there.
  return channel(name) as DiagnosticsChannel<Message>;
}
