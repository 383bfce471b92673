import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { DmaSpace } from '../memory/dma-space.js';
import {
  FEATURE_GET,
  FEATURE_MASK,
  FEATURE_PROBE,
  FEATURE_SET,
  MIGRATION_PRE_COPY,
  MIGRATION_STOP_COPY,
} from '../protocol/constants.js';
import { Feature } from '../protocol/enums.js';
import type { DeviceFeature } from '../protocol/messages.js';
import { FEATURE_HEAD_BYTES } from '../protocol/struct-sizes.js';
import { reportDirtyPages, startDmaLogging } from './dma-logging.js';
import type { MigrationController } from './migration-controller.js';

/** MIGRATION: flags 0:8. MIG_DEVICE_STATE: device_state 0:4, data_fd 4:4. */
const MIGRATION_DATA_BYTES = 8;

export interface DeviceFeatureContext {
  readonly migration: MigrationController;
  readonly dma: DmaSpace;
  /** Most bytes of data in one message. */
  readonly maxDataXferSize: number;
}

/**
 * "DEVICE_FEATURE": carries out one of GET and SET; with PROBE, only says whether it is supported.
 * DMA logging works for every device, the rest for those that can migrate.
 * @throws {RequestRefusedError}
 */
export function handleDeviceFeature(
  body: DeviceFeature,
  context: DeviceFeatureContext,
): DeviceFeature | Promise<DeviceFeature> {
  const feature = body.flags & FEATURE_MASK;
  const operations = body.flags & ~FEATURE_MASK;
  const supported = operationsOf(feature, context.migration) | FEATURE_PROBE;
  if (supported === FEATURE_PROBE || (operations & ~supported) !== 0) {
    throw refused(feature, 'not supported, or not with this operation');
  }
  if ((operations & FEATURE_PROBE) !== 0) return echo(body, feature);
  if (operations === FEATURE_GET) return get(body, feature, context);
  if (operations === FEATURE_SET) return set(body, feature, context);
  throw refused(feature, 'the flags name no operation, or two');
}

function operationsOf(feature: number, migration: MigrationController): number {
  switch (feature) {
    case Feature.MIGRATION:
      return migration.supported ? FEATURE_GET : 0;
    case Feature.MIG_DEVICE_STATE:
      return migration.supported ? FEATURE_GET | FEATURE_SET : 0;
    case Feature.DMA_LOGGING_START:
    case Feature.DMA_LOGGING_STOP:
      return FEATURE_SET;
    case Feature.DMA_LOGGING_REPORT:
      return FEATURE_GET;
    default:
      return 0;
  }
}

function get(body: DeviceFeature, feature: number, context: DeviceFeatureContext): DeviceFeature {
  const data = dataOf(body, feature, context);
  const argsz = FEATURE_HEAD_BYTES + data.length;
  checkRoom(body, feature, argsz);
  return { argsz, flags: body.flags, data };
}

function dataOf(
  body: DeviceFeature,
  feature: number,
  { migration, dma, maxDataXferSize }: DeviceFeatureContext,
): Uint8Array {
  switch (feature) {
    case Feature.MIGRATION:
      return u64(MIGRATION_STOP_COPY | (migration.preCopy ? MIGRATION_PRE_COPY : 0));
    case Feature.MIG_DEVICE_STATE:
      return u64(migration.state);
    default:
      return reportDirtyPages(dma, body.data, body.argsz - FEATURE_HEAD_BYTES, maxDataXferSize);
  }
}

function set(
  body: DeviceFeature,
  feature: number,
  { migration, dma }: DeviceFeatureContext,
): DeviceFeature | Promise<DeviceFeature> {
  const reply = echo(body, feature);
  switch (feature) {
    case Feature.MIG_DEVICE_STATE: {
      if (reply.data.length < MIGRATION_DATA_BYTES) {
        throw refused(feature, `${MIGRATION_DATA_BYTES} bytes of data are needed`);
      }
      const target = new DataView(reply.data.buffer).getUint32(0, true);
      return migration.setState(target).then(() => reply);
    }
    case Feature.DMA_LOGGING_START:
      startDmaLogging(dma, reply.data);
      return reply;
    default:
      dma.stopDirtyLog();
      return reply;
  }
}

/** The request as its own reply; a copy, as the request's data ends with the handler. */
function echo(body: DeviceFeature, feature: number): DeviceFeature {
  checkRoom(body, feature, FEATURE_HEAD_BYTES + body.data.length);
  return { argsz: body.argsz, flags: body.flags, data: new Uint8Array(body.data) };
}

function checkRoom({ argsz }: DeviceFeature, feature: number, needed: number): void {
  if (argsz < needed) throw refused(feature, `argsz ${argsz} is too small, it takes ${needed}`);
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function refused(feature: number, why: string): RequestRefusedError {
  return new RequestRefusedError(EINVAL, `DEVICE_FEATURE ${feature}: ${why}`);
}
