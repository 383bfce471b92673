import { STATUS, type Status } from '../status.js';
import { FEATURE, TEMPERATURE_KELVIN, WARNING_TEMPERATURE_KELVIN } from './constants.js';

/** What Get and Set Features need to know of a feature. */
export interface FeatureInfo {
  readonly initial: number;
  /** Bits that Set Features stores. */
  readonly mask: number;
  readonly isNamespaceSpecific?: boolean;
}

const INFO: Readonly<Record<number, FeatureInfo>> = {
  [FEATURE.ARBITRATION]: { initial: 3, mask: 0xffff_ff07 },
  [FEATURE.POWER_MANAGEMENT]: { initial: 0, mask: 0xff },
  [FEATURE.TEMPERATURE_THRESHOLD]: { initial: WARNING_TEMPERATURE_KELVIN, mask: 0xffff },
  [FEATURE.ERROR_RECOVERY]: { initial: 0, mask: 0xffff, isNamespaceSpecific: true },
  [FEATURE.VOLATILE_WRITE_CACHE]: { initial: 1, mask: 1 },
  [FEATURE.NUMBER_OF_QUEUES]: { initial: 0, mask: 0 },
  [FEATURE.INTERRUPT_COALESCING]: { initial: 0, mask: 0xffff },
  [FEATURE.INTERRUPT_VECTOR_CONFIGURATION]: { initial: 0, mask: 1 << 16 },
  [FEATURE.WRITE_ATOMICITY]: { initial: 0, mask: 1 },
  [FEATURE.ASYNC_EVENT_CONFIGURATION]: { initial: 0, mask: 0x3ff },
  [FEATURE.TIMESTAMP]: { initial: 0, mask: 0 },
};

/** Threshold select (THSEL) of the temperature feature. */
const UNDER_TEMPERATURE = 1;
const ALL_SENSORS = 15;

/** Arbitration burst (AB): take as many commands as there are. */
const UNLIMITED_BURST = 7;

/** The features of the controller and their current values (NVM Express 1.4, 5.21). */
export class Features {
  readonly #vectors: number;
  readonly #hasWriteCache: boolean;
  readonly #queuesGranted: number;
  readonly #values = new Map<number, number>();
  readonly #uncoalescedVectors = new Set<number>();
  #underTemperature = 0;

  constructor(ioQueues: number, hasWriteCache: boolean) {
    this.#vectors = ioQueues + 1;
    this.#hasWriteCache = hasWriteCache;
    this.#queuesGranted = (ioQueues - 1) | ((ioQueues - 1) << 16);
  }

  /** `undefined` when there is no such feature. */
  info(id: number): FeatureInfo | undefined {
    return id === FEATURE.VOLATILE_WRITE_CACHE && !this.#hasWriteCache ? undefined : INFO[id];
  }

  /** Commands fetched from one queue before the next one is served. */
  get arbitrationBurst(): number {
    const burst = this.#value(FEATURE.ARBITRATION) & 7;
    return burst === UNLIMITED_BURST ? Number.POSITIVE_INFINITY : 1 << burst;
  }

  /** Written data may stay in a volatile cache until it is flushed. */
  get isWriteCacheEnabled(): boolean {
    return this.#hasWriteCache && this.#value(FEATURE.VOLATILE_WRITE_CACHE) === 1;
  }

  get asyncEventConfiguration(): number {
    return this.#value(FEATURE.ASYNC_EVENT_CONFIGURATION);
  }

  get isTemperatureCritical(): boolean {
    return (
      TEMPERATURE_KELVIN >= this.#value(FEATURE.TEMPERATURE_THRESHOLD) ||
      TEMPERATURE_KELVIN <= this.#underTemperature
    );
  }

  /** Whether Set Features may store dword 11. */
  check(id: number, dword: number): Status {
    switch (id) {
      case FEATURE.POWER_MANAGEMENT:
        return (dword & 0x1f) === 0 ? STATUS.SUCCESS : STATUS.INVALID_FIELD_IN_COMMAND; // one power state
      case FEATURE.ERROR_RECOVERY:
        return dword <= 0xffff ? STATUS.SUCCESS : STATUS.INVALID_FIELD_IN_COMMAND; // no DULBE
      case FEATURE.NUMBER_OF_QUEUES:
        return (dword & 0xffff) === 0xffff || dword >>> 16 === 0xffff
          ? STATUS.INVALID_FIELD_IN_COMMAND
          : STATUS.SUCCESS;
      default:
        return this.checkSelector(id, dword);
    }
  }

  /** Whether the selector in dword 11 is valid, also for Get Features. */
  checkSelector(id: number, dword: number): Status {
    if (id === FEATURE.INTERRUPT_VECTOR_CONFIGURATION) {
      return (dword & 0xffff) < this.#vectors ? STATUS.SUCCESS : STATUS.INVALID_FIELD_IN_COMMAND;
    }
    if (id === FEATURE.TEMPERATURE_THRESHOLD) {
      const sensor = (dword >>> 16) & 15;
      const isKnown = (sensor === 0 || sensor === ALL_SENSORS) && thresholdSelect(dword) <= 1;
      return isKnown ? STATUS.SUCCESS : STATUS.INVALID_FIELD_IN_COMMAND;
    }
    return STATUS.SUCCESS;
  }

  /** The current value that dword 11 selects. */
  current(id: number, dword: number): number {
    if (id === FEATURE.NUMBER_OF_QUEUES) return this.#queuesGranted;
    if (id === FEATURE.INTERRUPT_VECTOR_CONFIGURATION) {
      const vector = dword & 0xffff;
      return vector | (Number(this.#uncoalescedVectors.has(vector)) << 16);
    }
    if (id === FEATURE.TEMPERATURE_THRESHOLD && thresholdSelect(dword) === UNDER_TEMPERATURE) {
      return this.#underTemperature;
    }
    return this.#value(id);
  }

  /** The default value that dword 11 selects. */
  initial(id: number, dword: number): number {
    if (id === FEATURE.NUMBER_OF_QUEUES) return this.#queuesGranted;
    if (id === FEATURE.INTERRUPT_VECTOR_CONFIGURATION) return dword & 0xffff;
    if (id === FEATURE.TEMPERATURE_THRESHOLD && thresholdSelect(dword) === UNDER_TEMPERATURE) {
      return 0;
    }
    return INFO[id]?.initial ?? 0;
  }

  /** Store dword 11; returns completion dword 0. */
  set(id: number, dword: number): number {
    if (id === FEATURE.NUMBER_OF_QUEUES) return this.#queuesGranted;
    if (id === FEATURE.INTERRUPT_VECTOR_CONFIGURATION) {
      const vector = dword & 0xffff;
      if ((dword & (1 << 16)) !== 0) this.#uncoalescedVectors.add(vector);
      else this.#uncoalescedVectors.delete(vector);
    } else if (
      id === FEATURE.TEMPERATURE_THRESHOLD &&
      thresholdSelect(dword) === UNDER_TEMPERATURE
    ) {
      this.#underTemperature = dword & 0xffff;
    } else {
      this.#values.set(id, (dword & (INFO[id]?.mask ?? 0)) >>> 0);
    }
    return 0;
  }

  /** All features return to their defaults: none is saveable. */
  reset(): void {
    this.#values.clear();
    this.#uncoalescedVectors.clear();
    this.#underTemperature = 0;
  }

  #value(id: number): number {
    return this.#values.get(id) ?? INFO[id]?.initial ?? 0;
  }
}

function thresholdSelect(dword: number): number {
  return (dword >>> 20) & 3;
}
