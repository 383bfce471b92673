import type { DeviceClient } from '@vfio-user/core';
import type { FloorWork } from '../floors/floor-work.js';
import type { Encoding } from '../floors/message-sizes.js';
import type { Contender } from './contender.js';
import type { CaseSettings, TestCase, TestName } from './test-case.js';

/** What a test needs to find at the other end. */
export type DeviceKind = 'any' | 'bench' | 'nvme';

/** A server that a test is run against. */
export interface TestServer {
  /** What it is, where that is known. */
  readonly kind: 'bench' | 'nvme' | 'other';
  readonly encoding: Encoding;
  connect(): Promise<DeviceClient>;
}

/** How tests are run. */
export interface TestSettings extends CaseSettings {
  /** Operations a second of open loops. */
  readonly rate: number;
}

/** A test that is connected to one server. */
export interface OpenTest {
  /** `undefined`: this server cannot take the case. */
  contender(testCase: TestCase): Contender | undefined;
  /** The least work that could do the same. */
  floor(testCase: TestCase): FloorWork | undefined;
  close(): Promise<void>;
}

/** One kind of measurement. */
export interface TestFamily {
  readonly name: TestName;
  /** What an operation is, in a sentence. */
  readonly what: string;
  readonly device: DeviceKind;
  /** It changes what a device keeps. */
  readonly overwrites?: boolean;
  cases(settings: CaseSettings): readonly TestCase[];
  open(server: TestServer, settings: TestSettings): Promise<OpenTest>;
}
