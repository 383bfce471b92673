import type { DecodedCapability, DecodedConfigSpace } from './config-space.js';
import type { DecodedBar } from './header.js';
import { hex } from './hex.js';

const BAR_KINDS = {
  memory32: 'memory 32-bit',
  memory64: 'memory 64-bit',
  io: 'I/O ports',
} as const;

/** `Name+` or `Name-` for each flag, as lspci writes them. */
export function flagsText(flags: Readonly<Record<string, boolean>>): string {
  return Object.entries(flags)
    .map(([name, on]) => `${name}${on ? '+' : '-'}`)
    .join(' ');
}

/** The lines about the header: ids, class, command, status, interrupt pin. */
export function headerLines(config: DecodedConfigSpace): string[] {
  const lines = [
    `${hex(config.vendorId, 4)}:${hex(config.deviceId, 4)} ${config.className} [${hex(config.classCode, 6)}] (rev ${hex(config.revisionId, 2)})`,
    `  Subsystem: ${hex(config.subsystemVendorId, 4)}:${hex(config.subsystemId, 4)}`,
    `  Control: ${flagsText(config.command)}`,
    `  Status: ${flagsText(config.status)}`,
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
  const says = Object.entries(fields).map(([key, value]) =>
    typeof value === 'boolean' ? `${key}${value ? '+' : '-'}` : `${key}=${value}`,
  );
  return says.length === 0 ? `${where} ${name}` : `${where} ${name}: ${says.join(' ')}`;
}
