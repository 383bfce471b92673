import type { Loop } from '../engine/loops.js';

/** Messages there and back over a plain socket. */
export interface EchoWork {
  readonly kind: 'echo';
  readonly requestBytes: number;
  readonly replyBytes: number;
  /** Requests that one reply answers. */
  readonly requestsPerReply: number;
  /** Replies waited for at once. */
  readonly depth: number;
  readonly loop: Loop;
  /** A new connection for each operation. */
  readonly reconnects: boolean;
}

/** A copy within memory. */
export interface CopyWork {
  readonly kind: 'copy';
  readonly blockBytes: number;
  /** The area that is walked through. */
  readonly footprintBytes: number;
  /** Whether each copy is timed. */
  readonly timed: boolean;
}

/** What a floor does. */
export type FloorWork = EchoWork | CopyWork;

/** One request, one reply, one after the other, unless said otherwise. */
export function echoWork(
  sizes: { readonly requestBytes: number; readonly replyBytes: number },
  changes: Partial<EchoWork> = {},
): EchoWork {
  const usual = { requestsPerReply: 1, depth: 1, loop: 'closed', reconnects: false } as const;
  return { kind: 'echo', ...usual, ...sizes, ...changes };
}
