import { DeviceState } from '../protocol/enums.js';

const { STOP, RUNNING, STOP_COPY, RESUMING, PRE_COPY } = DeviceState;

/** "Direct State Transitions": what a device does in one step. */
const ARCS: ReadonlyMap<number, readonly number[]> = new Map([
  [STOP, [RUNNING, STOP_COPY, RESUMING]],
  [RUNNING, [STOP, PRE_COPY]],
  [STOP_COPY, [STOP]],
  [RESUMING, [STOP]],
  [PRE_COPY, [RUNNING, STOP_COPY]],
]);

/** Whether a device hands out its state in this state. */
export function isSaving(state: number): boolean {
  return state === STOP_COPY || state === PRE_COPY;
}

/** Name of a state, also of an unknown one. */
export function deviceStateName(state: number): string {
  const entry = Object.entries(DeviceState).find(([, number]) => number === state);
  return entry?.[0] ?? `state ${state}`;
}

/**
 * "Complex State Transitions": the states to pass through, `to` included and `from` not, by the
 * shortest path that saves only at its ends. Empty when there is nothing to do; `undefined` when
 * there is no legal path.
 */
export function statePath(from: number, to: number, preCopy: boolean): number[] | undefined {
  if (from === to) return ARCS.has(to) ? [] : undefined;
  // Saving cannot start again, although transitions lead there.
  if (from === STOP_COPY && to === PRE_COPY) return undefined;
  const reached = new Set([from]);
  let paths: number[][] = [[]];
  while (paths.length > 0) {
    const longer: number[][] = [];
    for (const path of paths) {
      for (const next of ARCS.get(path.at(-1) ?? from) ?? []) {
        if (reached.has(next) || (next === PRE_COPY && !preCopy)) continue;
        if (next === to) return [...path, next];
        reached.add(next);
        if (!isSaving(next)) longer.push([...path, next]);
      }
    }
    paths = longer;
  }
  return undefined;
}
