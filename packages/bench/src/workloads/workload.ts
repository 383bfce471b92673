import type { DeviceClient } from '@vfio-user/core';
import type { CaseRunner } from '../engine/contender.js';
import type { Loop } from '../engine/loops.js';
import type { FloorWork } from '../floors/floor-work.js';
import type { Encoding } from '../floors/message-sizes.js';

/** The workloads by the names of `--tests`, in the order in which they run. */
export const WORKLOAD_NAMES = [
  'connect',
  'region-read',
  'region-write',
  'posted-write',
  'doorbell',
  'interrupts',
  'nvme-read',
  'nvme-write',
  'dma-read',
  'dma-write',
] as const;

export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

/** What is compared: the median time of an operation, or operations per second. */
export type Quantity = 'latency' | 'rate';

/** One measurement of a workload, which all transports take by turns. */
export interface WorkloadCase {
  readonly workload: WorkloadName;
  /** Unique in a run, for example `dma-read/latency/4096`. */
  readonly id: string;
  /** Distinguishes it from the other cases of its workload; empty if it is the only one. */
  readonly title: string;
  readonly quantity: Quantity;
  readonly loop: Loop;
  /** Operations under way at once. */
  readonly depth: number;
  /** Bytes that an operation moves, where it moves data. */
  readonly blockBytes?: number;
}

/** What the cases of a run are made of. */
export interface CaseSettings {
  /** Bytes of blocks. */
  readonly sizes: readonly number[];
  readonly depths: readonly number[];
}

/** The device that a workload needs. */
export type DeviceKind = 'any' | 'bench' | 'nvme';

/** A server that a workload is run against. */
export interface WorkloadServer {
  /** What it is, where that is known. */
  readonly kind: 'bench' | 'nvme' | 'other';
  readonly encoding: Encoding;
  connect(): Promise<DeviceClient>;
}

/** How workloads are run. */
export interface WorkloadSettings extends CaseSettings {
  /** Operations a second of open loops. */
  readonly rate: number;
}

/** A workload that is connected to one server. */
export interface OpenWorkload {
  /** `undefined`: this server cannot take the case. */
  runner(workloadCase: WorkloadCase): CaseRunner | undefined;
  /** The floor: the least work that has the same effect. */
  floor(workloadCase: WorkloadCase): FloorWork | undefined;
  close(): Promise<void>;
}

/** One kind of measurement. */
export interface Workload {
  readonly name: WorkloadName;
  /** What an operation is, in a sentence. */
  readonly what: string;
  readonly device: DeviceKind;
  /** It overwrites stored data. */
  readonly overwrites?: boolean;
  cases(settings: CaseSettings): readonly WorkloadCase[];
  open(server: WorkloadServer, settings: WorkloadSettings): Promise<OpenWorkload>;
}
