import type { PciDeviceDefinition } from '@vfio-user/core';
import * as z from 'zod';
import { type Entry, listOf } from '../../manuals.js';

const DEVICE_WIDTH = 18;

/** A `--set` key of a device, as its schema describes it. */
export interface SettingHelp {
  readonly key: string;
  readonly description: string;
  /** As JSON: a number, a string, a boolean. */
  readonly default?: unknown;
  readonly required: boolean;
  /** Limits of a number or text, for example `1 to 127`. */
  readonly limits?: string;
  /** The values allowed, if few. */
  readonly values?: readonly string[];
}

/** The part of JSON Schema that describes one setting. */
interface PropertySchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly (boolean | { readonly type?: unknown })[];
}

/** What `--set` accepts for a device, read from its zod schema. */
export function settingsHelp(definition: PciDeviceDefinition<unknown>): SettingHelp[] {
  const input = z.toJSONSchema(definition.options, { io: 'input', unrepresentable: 'any' });
  // Behind a conversion from text only the output side knows the default.
  const output = z.toJSONSchema(definition.options, { io: 'output', unrepresentable: 'any' });
  return Object.keys(input.properties ?? {}).map((key) => {
    const sides = [input, output].map((schema) => propertySchema(schema.properties?.[key]));
    const limits = sides.map(limitsOf).find((found) => found !== undefined);
    const values = sides.map(valuesOf).find((found) => found !== undefined);
    const fallback = sides.find((side) => side.default !== undefined)?.default;
    return {
      key,
      description: sides.find((side) => side.description !== undefined)?.description ?? '',
      required: input.required?.includes(key) ?? false,
      ...(fallback === undefined ? {} : { default: fallback }),
      ...(limits === undefined ? {} : { limits }),
      ...(values === undefined ? {} : { values }),
    };
  });
}

/** A property's schema is a boolean when it accepts anything or nothing. */
function propertySchema(schema: PropertySchema | boolean | undefined): PropertySchema {
  return typeof schema === 'object' ? schema : {};
}

/** The devices and their settings, as `serve --help` prints them. */
export function devicesHelp(definitions: Iterable<PciDeviceDefinition<unknown>>): string {
  const lines = ['Devices and their settings (--set key=value):'];
  for (const definition of definitions) {
    lines.push(listOf([[definition.name, definition.summary]], DEVICE_WIDTH));
    for (const setting of settingsHelp(definition)) {
      const entry: Entry = [`  ${setting.key}`, `${setting.description}${suffix(setting)}`];
      lines.push(listOf([entry], DEVICE_WIDTH));
    }
  }
  return lines.join('\n');
}

/**
 * What `--print-capabilities` answers: the shape of QEMU's vhost-user backends (`type`,
 * `features`), and the devices behind it.
 */
export function backendCapabilities(definitions: Iterable<PciDeviceDefinition<unknown>>): object {
  return {
    type: 'pci',
    features: ['socket-path', 'fd'],
    devices: Array.from(definitions, (definition) => ({
      name: definition.name,
      description: definition.summary,
      settings: settingsHelp(definition),
    })),
  };
}

function suffix(setting: SettingHelp): string {
  const limits = setting.limits === undefined ? '' : `; ${setting.limits}`;
  if (setting.default !== undefined) return ` (default: ${String(setting.default)})${limits}`;
  return `${setting.required ? ' (required)' : ''}${limits}`;
}

function limitsOf({ minimum, maximum, maxLength }: PropertySchema): string | undefined {
  if (maxLength !== undefined) return `at most ${maxLength} characters`;
  // Where a schema sets no limit, zod names the one of whole numbers.
  if (minimum === undefined || minimum === Number.MIN_SAFE_INTEGER) return undefined;
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
    ? `at least ${minimum}`
    : `${minimum} to ${maximum}`;
}

function valuesOf({ type, enum: words, anyOf }: PropertySchema): readonly string[] | undefined {
  if (words !== undefined) return words.map(String);
  const isFlag =
    type === 'boolean' ||
    anyOf?.some((one) => typeof one === 'object' && one.type === 'boolean') === true;
  return isFlag ? ['true', 'false'] : undefined;
}
