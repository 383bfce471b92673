import { randomUUID } from 'node:crypto';
import { fstatSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Logger } from '@vfio-user/core';
import {
  createAttribute,
  EOPNOTSUPP,
  ERANGE,
  getAttribute,
  type OpenFile,
  type SystemError,
  systemText,
  unavailableReason,
} from '@vfio-user/posix-ffi';
import { namedUuid, parseUuid } from '../identity.js';
import { blockDeviceName } from './block-device-name.js';
import { imageError, imageFailed } from './image-errors.js';
import { attempt } from './sysfs.js';

/** The extended attribute of an image that holds its UUID, as text. */
const ATTRIBUTE = 'user.vfio-user.uuid';
/** Ends the name of the file beside an image that holds it where there are no attributes. */
const SUFFIX = '.uuid';
/** A UUID as text, and some room for white space. */
const MAX_BYTES = 64;

/** An image that is open and locked. */
interface OpenImage extends OpenFile {
  readonly path: string;
  readonly isBlockDevice: boolean;
  readonly isReadOnly: boolean;
}

/**
 * The UUID that an image carries; an image that has none gets one, at random. One that may not be
 * changed has one made of this machine's id and its path.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when something else stands where the UUID should be.
 */
export function imageUuid(image: OpenImage, logger: Logger): Uint8Array {
  if (image.isBlockDevice) return deviceUuid(image, logger);
  const path = realpathSync(image.path);
  const sidecar = `${path}${SUFFIX}`;
  const known =
    parse(image, `its attribute ${ATTRIBUTE}`, readAttribute(image)) ??
    parse(image, sidecar, readSidecar(image, sidecar));
  if (known !== undefined) return known;
  const made = randomUUID();
  if (!image.isReadOnly && (saveAttribute(image, made) || saveSidecar(sidecar, made))) {
    return parseUuid(made) as Uint8Array; // just made
  }
  return localUuid(path, logger);
}

function deviceUuid({ path, number }: OpenImage, logger: Logger): Uint8Array {
  const name = blockDeviceName(fstatSync(number).rdev);
  // Not where a link leads: /dev/disk/by-id/... is the same tomorrow, /dev/sdb may not be.
  return name === undefined ? localUuid(resolve(path), logger) : namedUuid(`block device\0${name}`);
}

/** The same at each start on this machine, and another one on others. */
function localUuid(path: string, logger: Logger): Uint8Array {
  logger.info(
    { path },
    'nvme: the image carries no identity: its UUID is made of this machine and its path (uuid=... gives another)',
  );
  return namedUuid(`path\0${machineId()}\0${path}`);
}

function machineId(): string {
  return systemText('/etc/machine-id') || systemText('/var/lib/dbus/machine-id') || hostname();
}

function parse(image: OpenImage, place: string, value: string | undefined): Uint8Array | undefined {
  if (value === undefined) return undefined;
  const uuid = parseUuid(value.trim());
  if (uuid !== undefined) return uuid;
  throw imageError(image.path, `${place} holds no UUID: write one there, or remove it`);
}

function readAttribute(image: OpenImage): string | undefined {
  if (unavailableReason() !== undefined) return undefined;
  try {
    const value = getAttribute(image, ATTRIBUTE, MAX_BYTES);
    return value && Buffer.from(value).toString('latin1');
  } catch (error) {
    const { errno } = error as SystemError;
    if (errno === EOPNOTSUPP) return undefined;
    if (errno === ERANGE) return 'too long';
    throw imageFailed('read-file', `${image.path}: its attribute ${ATTRIBUTE}`, error);
  }
}

function readSidecar(image: OpenImage, path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    return stats.isFile() && stats.size <= MAX_BYTES ? readFileSync(path, 'latin1') : 'too long';
  } catch (error) {
    throw imageFailed('read-file', `${image.path}: its UUID in ${path}`, error);
  }
}

/** @returns whether it is there now, which it is not where there are no attributes. */
function saveAttribute(image: OpenImage, uuid: string): boolean {
  if (unavailableReason() !== undefined) return false;
  return succeeds(() => createAttribute(image, ATTRIBUTE, Buffer.from(uuid, 'latin1')));
}

function saveSidecar(path: string, uuid: string): boolean {
  return succeeds(() => writeFileSync(path, `${uuid}\n`, { flag: 'wx' }));
}

function succeeds(save: () => void): boolean {
  const saved = attempt(() => {
    save();
    return true;
  });
  return saved ?? false;
}
