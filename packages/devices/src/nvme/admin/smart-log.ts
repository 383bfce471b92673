import type { ControllerState } from '../controller-state.js';
import { TEMPERATURE_KELVIN } from './constants.js';

/** A data unit is 1000 blocks of 512 bytes. */
const DATA_UNIT_BYTES = 512_000;

const READ_ONLY_WARNING = 1 << 3;
const TEMPERATURE_WARNING = 1 << 1;

/** SMART / Health Information (log page 02h). Counters are 128 bits wide; the low 64 are enough. */
export function smartLog(state: ControllerState): Uint8Array {
  const { features, namespace, statistics, errorLog } = state;
  const page = new DataView(new ArrayBuffer(512));
  const counter = (offset: number, value: number): void =>
    page.setBigUint64(offset, BigInt(value), true);

  page.setUint8(
    0,
    (features.isTemperatureCritical ? TEMPERATURE_WARNING : 0) |
      (namespace.storage.isReadOnly ? READ_ONLY_WARNING : 0),
  );
  page.setUint16(1, TEMPERATURE_KELVIN, true);
  page.setUint8(3, 100); // available spare, percent
  page.setUint8(4, 10); // spare threshold, percent
  counter(32, Math.ceil(statistics.readBytes / DATA_UNIT_BYTES));
  counter(48, Math.ceil(statistics.writtenBytes / DATA_UNIT_BYTES));
  counter(64, statistics.readCommands);
  counter(80, statistics.writeCommands);
  counter(112, statistics.powerCycles);
  counter(128, statistics.powerOnHours);
  counter(176, errorLog.count);
  return new Uint8Array(page.buffer);
}
