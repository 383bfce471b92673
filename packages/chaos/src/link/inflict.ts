import { setTimeout as delay } from 'node:timers/promises';
import { deferred } from '@vfio-user/core/internal';
import type { Direction, Fault } from '../plan/faults.js';
import type { FaultRelay } from './fault-relay.js';
import type { RelayedLink } from './relayed-link.js';

/** How long a frame of the planned kind is waited for, ms; then any frame will do. */
const SOUGHT_MS = 4_000;
/** How much of what is under way is kept back, ms. */
const UNDER_WAY_MS = 10;

const BOTH: readonly Direction[] = ['toServer', 'toClient'];

/** A fault of the link, not of a process. */
export type LinkFault = Exclude<Fault, { readonly kind: 'stop' }>;

/**
 * Let a fault happen. Resolves when the link is left alone again.
 * @returns what was cut, if something was.
 */
export async function inflict(fault: LinkFault, relay: FaultRelay): Promise<string | undefined> {
  const link = await relay.link();
  switch (fault.kind) {
    case 'reset':
      link.reset();
      return;
    case 'end':
      link.end();
      return;
    case 'drop':
      link.keepUntold();
      for (const direction of fault.directions) link.pipes[direction].drop();
      return;
    case 'half-open':
      link.reset(fault.reset);
      link.pipes[fault.reset === 'client' ? 'toServer' : 'toClient'].drop();
      return;
    case 'stall':
      for (const direction of BOTH) link.pipes[direction].stall();
      await delay(fault.ms);
      for (const direction of BOTH) link.pipes[direction].release();
      return;
    case 'delay':
      relay.delay(fault.byMs);
      await delay(fault.ms);
      relay.delay(0);
      return;
    case 'cut':
      return cut(fault, relay);
    case 'cut-again': {
      const found = cut(fault, relay);
      link.reset();
      return found;
    }
    case 'race':
      link.reset();
      return race(fault, relay);
    case 'late':
      link.pipes.toServer.hold();
      await delay(UNDER_WAY_MS);
      link.reset('client');
      await delay(fault.ms);
      link.pipes.toServer.release();
      await delay(UNDER_WAY_MS);
      link.reset('server');
      return;
    case 'refuse':
      relay.refuse(true);
      link.reset();
      await delay(fault.ms);
      relay.refuse(false);
      return;
  }
}

type CutFault = Extract<Fault, { readonly kind: 'cut' | 'cut-again' }>;

async function cut({ place, how }: CutFault, relay: FaultRelay): Promise<string | undefined> {
  const { direction, unit, part } = place;
  const { promise, resolve } = deferred<string | undefined>();
  const onFound = (link: RelayedLink, found: string | undefined): void => {
    if (how === 'reset') link.reset();
    else link.end();
    resolve(found);
  };
  relay.seek([direction], { unit, part }, onFound);
  const timer = setTimeout(() => relay.seek(BOTH, { unit: undefined, part }, onFound), SOUGHT_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

type Race = Extract<Fault, { readonly kind: 'race' }>;

/** The first connection after a reset reaches the server when its client has made the next one. */
async function race({ first, afterMs }: Race, relay: FaultRelay): Promise<undefined> {
  const old = await relay.nextLink();
  await holdPreface(old, relay.answersBeforePreface);
  const next = relay.nextLink();
  old.reset('client');
  await next;
  if (first === 'new') await delay(afterMs);
  old.pipes.toServer.release();
}

/** Keep the preface of a client from its server. What comes before it must be answered. */
async function holdPreface({ pipes }: RelayedLink, answers: number): Promise<void> {
  for (let i = 0; i < answers; i++) await pipes.toClient.moved();
  pipes.toServer.hold();
  await pipes.toServer.holding();
}
