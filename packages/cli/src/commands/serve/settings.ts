import type { PciDeviceDefinition } from '@vfio-user/core';
import { checkOptions } from '@vfio-user/core/internal';
import { UsageError } from '../../errors.js';

/** `--set key=value`, as often as given. */
export function parseSettings(pairs: readonly string[]): Record<string, string> {
  const settings = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--set ${pair}: expected key=value, for example size=64M`);
    const key = pair.slice(0, at);
    if (settings.has(key)) throw new UsageError(`--set ${key}: given twice`);
    settings.set(key, pair.slice(at + 1));
  }
  return Object.fromEntries(settings);
}

/**
 * The device's options, checked by its own schema.
 * @param device as on the command line.
 */
export function deviceOptions<Options>(
  device: string,
  definition: PciDeviceDefinition<Options>,
  settings: Readonly<Record<string, string>>,
): Options {
  const { options, faults } = checkOptions(definition.options, settings);
  if (faults === undefined) return options;
  throw new UsageError(
    [
      `the settings of ${definition.name} are wrong:`,
      ...faults.map((fault) => `  ${fault}`),
      `  \`vfio-user serve ${device} --help\` lists what it accepts.`,
    ].join('\n'),
  );
}
