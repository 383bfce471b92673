import type { RegisterMap } from '@vfio-user/core';
import { registerMaps } from '@vfio-user/devices';
import {
  type BatchedWriter,
  choosePalette,
  type DeviceNames,
  JsonPrinter,
  type Printer,
  TextPrinter,
} from '@vfio-user/trace';
import { UsageError } from '../../errors.js';
import type { Io } from '../../io.js';
import { isDeviceFile, loadDeviceFile } from '../serve/device-file.js';

/** Output options that all forms of `trace` share. */
export interface PrintingOptions {
  /** JSON Lines, for programs. */
  readonly json?: boolean | undefined;
  /** The device whose register names to show; default: found by PCI ids. */
  readonly device?: string | undefined;
}

/** A printer on stdout: text, or JSON Lines. */
export function createPrinter(io: Io, writer: BatchedWriter, { json }: PrintingOptions): Printer {
  if (json === true) return new JsonPrinter(writer);
  return new TextPrinter(writer, choosePalette(io.stdoutStream.isTTY === true, io.env.NO_COLOR));
}

/**
 * The register map to use.
 * @throws {UsageError} listing the known devices when `--device` names another one, or a file without registers.
 */
export async function deviceNames({ device }: PrintingOptions): Promise<DeviceNames> {
  return {
    device: device === undefined ? undefined : await registerMapOf(device),
    candidates: [...registerMaps.values()],
  };
}

async function registerMapOf(name: string): Promise<RegisterMap> {
  if (isDeviceFile(name)) {
    const { registers } = await loadDeviceFile(name);
    if (registers !== undefined) return registers;
    throw new UsageError(`--device ${name}: its definition has no \`registers\`, which name them`);
  }
  const map = registerMaps.get(name);
  if (map !== undefined) return map;
  const known = [...registerMaps.keys()].join(', ');
  throw new UsageError(`--device ${name}: no register names of that device; there are: ${known}`);
}
