import type { CutPlace } from './faults.js';
import type { PlannedSession, SetupName, WorkloadName } from './sessions.js';

/** A unit that a link can be cut in. */
export type Unit = Omit<CutPlace, 'part'>;

/** Units that TLS shows: it hides the frames in them. */
const RECORDS: readonly Unit[] = [
  { direction: 'toServer', unit: 'TLS data' },
  { direction: 'toClient', unit: 'TLS data' },
];

const TLS_BEGINNING: readonly Unit[] = [
  { direction: 'toServer', unit: 'TLS handshake' },
  { direction: 'toClient', unit: 'TLS handshake' },
  ...RECORDS,
];

const BEGINNING: readonly Unit[] = [
  { direction: 'toServer', unit: 'preface' },
  { direction: 'toClient', unit: 'preface' },
];

const UPGRADE: readonly Unit[] = [
  { direction: 'toServer', unit: 'HTTP' },
  { direction: 'toClient', unit: 'HTTP' },
];

const REGISTERS: readonly Unit[] = [
  { direction: 'toServer', unit: 'REGION_READ' },
  { direction: 'toClient', unit: 'REGION_READ reply' },
  { direction: 'toServer', unit: 'REGION_WRITE' },
  { direction: 'toClient', unit: 'REGION_WRITE reply' },
  { direction: 'toClient', unit: 'INTERRUPT' },
  { direction: 'toServer', unit: 'HANDLED' },
  { direction: 'toClient', unit: 'HANDLED' },
  { direction: 'toServer', unit: 'KEEP_ALIVE' },
  { direction: 'toClient', unit: 'KEEP_ALIVE' },
  { direction: 'toServer', unit: 'KEEP_ALIVE_REPLY' },
  { direction: 'toClient', unit: 'KEEP_ALIVE_REPLY' },
  { direction: 'toServer', unit: 'ACKNOWLEDGE' },
  { direction: 'toClient', unit: 'ACKNOWLEDGE' },
];

const MEMORY: readonly Unit[] = [
  { direction: 'toClient', unit: 'DMA_READ' },
  { direction: 'toServer', unit: 'DMA_READ reply' },
  { direction: 'toClient', unit: 'DMA_WRITE' },
  { direction: 'toServer', unit: 'DMA_WRITE reply' },
];

const SETTINGS: readonly Unit[] = [
  { direction: 'toServer', unit: 'DEVICE_SET_IRQS' },
  { direction: 'toClient', unit: 'DEVICE_SET_IRQS reply' },
  { direction: 'toServer', unit: 'DMA_MAP' },
  { direction: 'toClient', unit: 'DMA_MAP reply' },
  { direction: 'toServer', unit: 'DMA_UNMAP' },
  { direction: 'toClient', unit: 'DMA_UNMAP reply' },
];

const FRAMES: Readonly<Record<WorkloadName, readonly Unit[]>> = {
  counter: REGISTERS,
  'test-device': [...REGISTERS, ...MEMORY, ...SETTINGS],
  nvme: [
    ...REGISTERS.filter(({ unit }) => !unit.startsWith('REGION_') || unit === 'REGION_WRITE'),
    ...MEMORY,
  ],
};

/** Whether the frames of a set-up are encrypted. */
export function isEncrypted(setup: SetupName): boolean {
  return setup === 'tls' || setup === 'wss';
}

/** What a session's link can be cut in while it works. */
export function unitsOf({ setup, workload }: PlannedSession): readonly Unit[] {
  return isEncrypted(setup) ? RECORDS : FRAMES[workload];
}

/** What a new connection of a session begins with. */
export function firstUnitsOf({ setup }: PlannedSession): readonly Unit[] {
  if (isEncrypted(setup)) return TLS_BEGINNING;
  return setup === 'ws' ? [...UPGRADE, ...BEGINNING] : BEGINNING;
}
