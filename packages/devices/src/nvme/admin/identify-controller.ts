import type { ControllerState } from '../controller-state.js';
import { FIRMWARE_REVISION, VENDOR_ID } from '../identity.js';
import { MAX_TRANSFER_SHIFT } from '../io/constants.js';
import { VERSION } from '../registers.js';
import { NAMESPACE_ID } from '../storage/namespace.js';
import { MAX_ASYNC_EVENT_REQUESTS } from './async-events.js';
import { CRITICAL_TEMPERATURE_KELVIN, WARNING_TEMPERATURE_KELVIN } from './constants.js';
import { ERROR_LOG_ENTRIES } from './error-log.js';

/** CNTLID. */
export const CONTROLLER_ID = 0;

/** Commands that may be aborted at a time, minus 1 (ACL). */
const ABORT_LIMIT = 3;
/** Log page attributes: commands supported and effects, offsets into a page. */
const LPA = (1 << 1) | (1 << 2);
/** Optional commands: compare, write zeroes, select in features, timestamp. */
const ONCS = (1 << 0) | (1 << 3) | (1 << 4) | (1 << 6);
const ONCS_DATASET_MANAGEMENT = 1 << 2;
/** SGLs for I/O without alignment, also longer than the data. */
const SGLS = 1 | (1 << 18);
/** Flush works for all namespaces at once (VWC bits 2:1). */
const FLUSH_ALL = 3 << 1;

/** Identify Controller data structure (NVM Express 1.4, figure 247). */
export function identifyController(state: ControllerState): Uint8Array {
  const { identity, namespace } = state;
  const data = Buffer.alloc(4096);
  data.writeUInt16LE(VENDOR_ID, 0);
  data.writeUInt16LE(VENDOR_ID, 2);
  data.write(identity.serial.padEnd(20), 4, 20, 'latin1');
  data.write(identity.model.padEnd(40), 24, 40, 'latin1');
  data.write(FIRMWARE_REVISION, 64, 8, 'latin1');
  data[72] = 3; // recommended arbitration burst: 2 ^ 3
  data[77] = MAX_TRANSFER_SHIFT;
  data.writeUInt16LE(CONTROLLER_ID, 78);
  data.writeUInt32LE(VERSION, 80);
  data[111] = 1; // an I/O controller
  data[258] = ABORT_LIMIT;
  data[259] = MAX_ASYNC_EVENT_REQUESTS - 1;
  data[260] = 0x03; // one firmware slot, read-only
  data[261] = LPA;
  data[262] = ERROR_LOG_ENTRIES - 1;
  data.writeUInt16LE(WARNING_TEMPERATURE_KELVIN, 266);
  data.writeUInt16LE(CRITICAL_TEMPERATURE_KELVIN, 268);
  data[512] = 0x66; // submission queue entries: 2 ^ 6 bytes, required and largest
  data[513] = 0x44; // completion queue entries: 2 ^ 4 bytes
  data.writeUInt32LE(NAMESPACE_ID, 516); // number of namespaces
  const canDeallocate = namespace.storage.deallocation !== undefined;
  data.writeUInt16LE(ONCS | (canDeallocate ? ONCS_DATASET_MANAGEMENT : 0), 520);
  data[525] = FLUSH_ALL | Number(namespace.storage.hasVolatileCache);
  data.writeUInt32LE(SGLS, 536);
  data.write(identity.nqn, 768, 255, 'utf8');
  data.writeUInt16LE(2500, 2048); // the only power state: 25 W
  return data;
}
