import { hex } from './config-bytes.js';
import type { DecodedCapability, DecodedConfigSpace } from './config-space.js';
import type { DecodedBar } from './header.js';

const BAR_KINDS = {
  memory32: 'memory 32-bit',
  memory64: 'memory 64-bit',
  io: 'I/O ports',
} as const;

/** `name+` or `name-` for what is true or false, as lspci writes flags; `name=value` for the rest. */
export function propertiesText(properties: object): string {
  return Object.entries(properties)
    .map(([name, value]) =>
      typeof value === 'boolean' ? `${name}${value ? '+' : '-'}` : `${name}=${value}`,
    )
    .join(' ');
}

/** The lines about the header: ids, class, command, status, interrupt pin. */
export function headerLines(config: DecodedConfigSpace): string[] {
  const lines = [
    `${hex(config.vendorId, 4)}:${hex(config.deviceId, 4)} ${config.className} [${hex(config.classCode, 6)}] (rev ${hex(config.revisionId, 2)})`,
    `  Subsystem: ${hex(config.subsystemVendorId, 4)}:${hex(config.subsystemId, 4)}`,
    `  Control: ${propertiesText(config.command)}`,
    `  Status: ${propertiesText(config.status)}`,
  ];
  if (config.interruptPin !== undefined) lines.push(`  Interrupt: pin ${config.interruptPin}`);
  return lines;
}

/** What a BAR is: kind, prefetchability and address, without its size. */
export function barText(bar: DecodedBar): string {
  const prefetch =
    bar.kind === 'io' ? '' : bar.prefetchable ? ', prefetchable' : ', non-prefetchable';
  return `${BAR_KINDS[bar.kind]}${prefetch}, at 0x${hex(bar.address, 1)}`;
}

/** One line for a capability, for example `[40] MSI-X: enable- count=4 ...`. */
export function capabilityText({
  offset,
  name,
  fields,
  extended,
  version,
}: DecodedCapability): string {
  const where = `[${hex(offset, extended ? 3 : 2)}${extended ? ` v${version}` : ''}]`;
  const says = propertiesText(fields);
  return says === '' ? `${where} ${name}` : `${where} ${name}: ${says}`;
}
