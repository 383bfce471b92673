import { isIPv6 } from 'node:net';
import { withoutZone } from '@vfio-user/core/transport';
import type { FailedAttempt } from '../stack/failure.js';

/** How long an address may keep the next one waiting, ms (RFC 8305, section 5). */
const ATTEMPT_DELAY_MS = 250;

export interface FirstAnswerOptions<Socket> {
  /** Connect to one address, until the signal says that another one was quicker. */
  connect(ip: string, signal: AbortSignal): Promise<Socket>;
  /** Close one that came too late. */
  close(socket: Socket): void;
  /** Of all attempts. */
  readonly signal?: AbortSignal | undefined;
  readonly delayMs?: number;
}

/**
 * Connect to that of several addresses which answers first, as RFC 8305 has it ("happy eyeballs"):
 * one after the other, the next when the one before has failed or has not answered for a while.
 * Resolves with what each of them failed with if none answers.
 */
export function firstAnswer<Socket>(
  addresses: readonly string[],
  { connect, close, signal, delayMs = ATTEMPT_DELAY_MS }: FirstAnswerOptions<Socket>,
): Promise<{ readonly socket: Socket } | { readonly failed: readonly FailedAttempt[] }> {
  return new Promise((resolve) => {
    const inOrder = inTurns(addresses);
    const waiting = [...inOrder];
    const failed: FailedAttempt[] = [];
    const enough = new AbortController();
    const either = signal === undefined ? enough.signal : AbortSignal.any([signal, enough.signal]);
    let underWay = 0;
    let timer: NodeJS.Timeout | undefined;
    const next = (): void => {
      clearTimeout(timer);
      const ip = either.aborted ? undefined : waiting.shift();
      if (ip === undefined) {
        if (underWay > 0) return;
        failed.sort((a, b) => inOrder.indexOf(a.ip) - inOrder.indexOf(b.ip));
        resolve({ failed });
        return;
      }
      underWay++;
      timer = setTimeout(next, delayMs);
      connect(ip, either).then(
        (socket) => {
          if (enough.signal.aborted) {
            close(socket);
            return;
          }
          clearTimeout(timer);
          enough.abort();
          resolve({ socket });
        },
        (error: unknown) => {
          underWay--;
          failed.push({ ip, error });
          if (!enough.signal.aborted) next();
        },
      );
    };
    next();
  });
}

/** The families in turns, beginning with that of the first: often only one of them works. */
export function inTurns(addresses: readonly string[]): string[] {
  const isFirst = (ip: string): boolean => familyOf(ip) === familyOf(addresses[0] ?? '');
  const [first, other] = [addresses.filter(isFirst), addresses.filter((ip) => !isFirst(ip))];
  return Array.from({ length: Math.max(first.length, other.length) }, (_, i) =>
    [first[i], other[i]].filter((ip) => ip !== undefined),
  ).flat();
}

function familyOf(ip: string): boolean {
  return isIPv6(withoutZone(ip));
}
