import { Random } from '../random.js';
import type { Direction, Fault, FaultKind, Stopped } from './faults.js';
import type { PlannedSession } from './sessions.js';
import { firstUnitsOf, type Unit, unitsOf } from './units.js';

/** A fault of a session's plan. */
export interface PlannedFault {
  /** How long the session is left alone before, ms. */
  readonly pauseMs: number;
  readonly fault: Fault;
}

export interface SessionPlan extends PlannedSession {
  readonly faults: readonly PlannedFault[];
  /** For what the session does. */
  readonly seed: number;
}

/** How often each kind comes in turn. */
const DECK: readonly FaultKind[] = [
  ...(['reset', 'reset', 'end', 'drop', 'half-open', 'half-open', 'stall', 'delay'] as const),
  ...(['cut', 'cut', 'cut', 'cut-again', 'race', 'late', 'refuse', 'stop', 'stop'] as const),
];

const LONGEST_PAUSE_MS = 100;
/** Longer than a link may be silent, so that some end in another link. */
const LONGEST_STALL_MS = 1_500;
const LONGEST_DELAY_MS = 40;
const LONGEST_DELAYED_MS = 400;
const LONGEST_LATE_MS = 100;
const LONGEST_REFUSAL_MS = 400;

const DROPPED: readonly (readonly Direction[])[] = [
  ['toServer', 'toClient'],
  ['toServer', 'toClient'],
  ['toServer'],
  ['toClient'],
];

export interface PlanOptions {
  readonly seed: number;
  readonly sessions: readonly PlannedSession[];
  /** How many, over all sessions. */
  readonly faults: number;
  /** What they may be. */
  readonly kinds: readonly FaultKind[];
}

/** The faults of all sessions: they follow from the options. */
export function planFaults({ seed, sessions, faults, kinds }: PlanOptions): SessionPlan[] {
  const deck = DECK.filter((kind) => kinds.includes(kind));
  const random = new Random(seed);
  return sessions.map((session, index) => {
    const share = Math.floor((faults + index) / sessions.length);
    const own = new Random(random.seed());
    return { ...session, faults: faultsOf(session, share, deck, own), seed: random.seed() };
  });
}

function faultsOf(
  session: PlannedSession,
  count: number,
  deck: readonly FaultKind[],
  random: Random,
): PlannedFault[] {
  const kinds = new Deck(deck, random);
  const units = new Deck(unitsOf(session), random);
  const firstUnits = new Deck(firstUnitsOf(session), random);
  const processes = new Deck<Stopped>(
    session.setup === 'bridge' ? ['server', 'bridge', 'client'] : ['server', 'client'],
    random,
  );
  const decks = { units, firstUnits, processes };
  return Array.from({ length: count }, () => ({
    pauseMs: random.between(0, LONGEST_PAUSE_MS),
    fault: faultOf(kinds.draw(), decks, random),
  }));
}

interface Decks {
  readonly units: Deck<Unit>;
  readonly firstUnits: Deck<Unit>;
  readonly processes: Deck<Stopped>;
}

function faultOf(kind: FaultKind, decks: Decks, random: Random): Fault {
  switch (kind) {
    case 'reset':
    case 'end':
      return { kind };
    case 'drop':
      return { kind, directions: random.pick(DROPPED) };
    case 'half-open':
      return { kind, reset: random.pick(['client', 'server'] as const) };
    case 'stall':
      return { kind, ms: random.between(1, LONGEST_STALL_MS) };
    case 'delay': {
      const byMs = random.between(1, LONGEST_DELAY_MS);
      return { kind, byMs, ms: random.between(byMs, LONGEST_DELAYED_MS) };
    }
    case 'cut':
    case 'cut-again': {
      const unit = (kind === 'cut' ? decks.units : decks.firstUnits).draw();
      const place = { ...unit, part: random.fraction() };
      return { kind, place, how: random.pick(['reset', 'end'] as const) };
    }
    case 'race': {
      const first = random.pick(['old', 'new'] as const);
      return { kind, first, afterMs: random.between(0, LONGEST_LATE_MS) };
    }
    case 'late':
      return { kind, ms: random.between(0, LONGEST_LATE_MS) };
    case 'refuse':
      return { kind, ms: random.between(1, LONGEST_REFUSAL_MS) };
    case 'stop':
      return { kind, process: decks.processes.draw(), ms: random.between(1, LONGEST_STALL_MS) };
  }
}

/** Gives each of its cards once before any of them again. */
class Deck<T> {
  readonly #cards: readonly T[];
  readonly #random: Random;
  #left: T[] = [];

  constructor(cards: readonly T[], random: Random) {
    this.#cards = cards;
    this.#random = random;
  }

  draw(): T {
    if (this.#left.length === 0) this.#left = this.#random.shuffled(this.#cards);
    return this.#left.pop() as T;
  }
}
