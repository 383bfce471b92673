import { sizeText } from '@vfio-user/core/internal';
import { barText, capabilityText, headerLines, propertiesText } from '@vfio-user/trace';
import type { InfoReport, InterruptReport, RegionReport } from './collect.js';

/** The report for people. */
export function infoText(info: InfoReport): string {
  const lines = headerLines(info.config);
  for (const region of info.regions) lines.push(`  ${regionText(info, region)}`);
  for (const interrupt of info.interrupts) lines.push(`  Interrupt ${interruptText(interrupt)}`);
  for (const capability of info.config.capabilities) {
    lines.push(`  Capabilities: ${capabilityText(capability)}`);
  }
  const { major, minor, capabilities } = info.protocol;
  lines.push(`  Protocol: vfio-user ${major}.${minor} ${propertiesText(capabilities)}`);
  lines.push(`  Transport: ${info.uri} ${propertiesText(info.transport)}`);
  lines.push(`  Session: ${sessionText(info.session)}`);
  lines.push(`  Data path: ${info.dataPath}`);
  return lines.join('\n');
}

function sessionText({ resumes, holdMs }: InfoReport['session']): string {
  if (!resumes) return 'ends with its connection';
  return `survives its connection, the server holds it for ${holdMs / 1000} s`;
}

function regionText(info: InfoReport, region: RegionReport): string {
  const bar = info.config.bars.find((one) => one.index === region.index);
  const parts = [`Region ${region.index} (${region.name}): size ${sizeText(region.size)}`];
  if (bar !== undefined) parts.push(barText(bar));
  parts.push(`${region.readable ? 'r' : '-'}${region.writable ? 'w' : '-'}`);
  for (const { offset, size } of region.mappable) {
    parts.push(`mappable 0x${offset.toString(16)}+${sizeText(size)}`);
  }
  return parts.join(', ');
}

function interruptText({ index, name, count, flags }: InterruptReport): string {
  return `${index} (${name}): count ${count}, ${propertiesText(flags)}`;
}
