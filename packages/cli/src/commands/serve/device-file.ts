import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type PciDeviceDefinition, VfioUserError } from '@vfio-user/core';
import { UsageError } from '../../errors.js';
import type { DeviceHookData } from './device-hooks.js';

/** Whether a device is named by its file: a path, or a name that ends like one. */
export function isDeviceFile(name: string): boolean {
  return name.includes('/') || /\.(m?js|m?ts)$/.test(name);
}

/**
 * The definition that a user's file exports.
 * @throws {UsageError} when there is no such file, or no definition in it.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when it cannot be loaded.
 */
export async function loadDeviceFile(name: string): Promise<PciDeviceDefinition<unknown>> {
  const path = resolve(name);
  if (!existsSync(path)) throw new UsageError(`no device ${name}: there is no file ${path}`);
  await registerHooks(name);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new VfioUserError('VFU_CONFIG_INVALID', loadFault(name, path, error), { cause: error });
  }
  const { default: definition } = module;
  if (definition === undefined) throw new UsageError(noDefault(name, module));
  const missing = missingParts(definition);
  if (missing.length === 0) return definition as PciDeviceDefinition<unknown>;
  throw new UsageError(
    `${name}: its default export is no definition of a device: it lacks ${missing.join(', ')}. ` +
      'definePciDevice() of @vfio-user/core checks this with TypeScript.',
  );
}

let registered: Promise<void> | undefined;

/** Once in a process: its thread keeps running. */
function registerHooks(name: string): Promise<void> {
  registered ??= hookData(name).then((data) => {
    // What is said of a line is said of the source's.
    process.setSourceMapsEnabled(true);
    register<DeviceHookData>('./device-hooks.js', import.meta.url, { data });
  });
  return registered;
}

/**
 * The file gets the core of this command, so that the classes of errors are the same for both; zod,
 * where it has none, is lent as well.
 */
async function hookData(name: string): Promise<DeviceHookData> {
  const core = await import('@vfio-user/core');
  const data = {
    own: { '@vfio-user/core': moduleUrl('@vfio-user/core', core) },
    fallback: { zod: import.meta.resolve('zod') },
  };
  return stripsTypes() || !/ts$/.test(name) ? data : { ...data, esbuild: findEsbuild(name) };
}

/** Node.js reads TypeScript itself: from 22.18 and 23.6 on. */
function stripsTypes(): boolean {
  return (process.features as { readonly typescript?: unknown }).typescript === 'strip';
}

function findEsbuild(name: string): string {
  try {
    return import.meta.resolve('esbuild');
  } catch (cause) {
    throw new VfioUserError(
      'VFU_CONFIG_INVALID',
      `${name}: Node.js ${process.versions.node} does not read TypeScript. ` +
        'Use Node.js 22.18 or newer, or `npm install esbuild` beside vfio-user, or give a .js file',
      { cause },
    );
  }
}

/** The URL of a module that exports what `exported` does, which is loaded here already. */
function moduleUrl(name: string, exported: object): string {
  const key = `vfio-user.module.${name}`;
  Reflect.set(globalThis, Symbol.for(key), exported);
  const names = Object.keys(exported).filter((each) => each !== 'default');
  // Some are words of the language: zod exports `catch`.
  const text = [
    `const module = globalThis[Symbol.for('${key}')];`,
    ...names.map((each, at) => `const v${at} = module.${each}; export { v${at} as ${each} };`),
  ].join('\n');
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

function noDefault(name: string, module: Readonly<Record<string, unknown>>): string {
  const named = Object.keys(module).find((key) => missingParts(module[key]).length === 0);
  const advice =
    named === undefined
      ? 'write `export default definePciDevice({ ... })`'
      : `it exports ${named}; add \`export default ${named};\``;
  return `${name} has no default export: ${advice}`;
}

/** The parts that a definition lacks. */
function missingParts(value: unknown): string[] {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof PciDeviceDefinition<unknown>, unknown>
  >;
  const { options } = given;
  const isSchema =
    typeof options === 'object' &&
    options !== null &&
    'safeParse' in options &&
    typeof options.safeParse === 'function';
  return [
    ...(typeof given.name === 'string' ? [] : ['`name` (a text)']),
    ...(typeof given.summary === 'string' ? [] : ['`summary` (a text)']),
    ...(isSchema ? [] : ['`options` (a zod schema)']),
    ...(typeof given.create === 'function' ? [] : ['`create` (a function)']),
  ];
}

/** What went wrong while the file was loaded, and in which line if that is told. */
function loadFault(name: string, path: string, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const line = lineIn(stack, path) ?? (error instanceof SyntaxError ? faultyLine(path) : undefined);
  return `cannot load ${name}${line === undefined ? '' : `, line ${line}`}: ${text}`;
}

/** The first line of the file that a text tells of, as `path:line`. */
function lineIn(text: string, path: string): number | undefined {
  const at = text.indexOf(`${path}:`);
  return at < 0 ? undefined : Number.parseInt(text.slice(at + path.length + 1), 10);
}

/** Node.js tells where it cannot read a file only when that is the program itself. */
function faultyLine(path: string): number | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8' });
  return lineIn(stderr, path);
}
