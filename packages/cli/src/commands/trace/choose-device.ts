import { type RegisterMap, registerMaps } from '@vfio-user/devices';
import { UsageError } from '../../errors.js';

/**
 * The register names that `--device` asks for.
 * @throws {UsageError} naming those there are.
 */
export function chooseDevice(name: string | undefined): RegisterMap | undefined {
  if (name === undefined) return undefined;
  const map = registerMaps.get(name);
  if (map !== undefined) return map;
  const known = [...registerMaps.keys()].join(', ');
  throw new UsageError(`--device ${name}: no register names of that device; there are: ${known}`);
}
