import { systemText } from '@vfio-user/posix-ffi';
import { blockDeviceFolder } from './sysfs.js';

/** Device-mapper names that hold a UUID or a world-wide name of what lies below. */
const UNIQUE_MAPPING = /^(LVM|(part\d+-)?mpath|CRYPT-LUKS\d)-/;
/** World-wide names; others (`t10.`, `nvme.`) may be a serial number that somebody chose. */
const WORLD_WIDE = /^(naa|eui|uuid)\./;

/**
 * What the kernel knows a block device by, if that is unique in the world: then the device keeps
 * its name on whatever machine it is attached to. `undefined` for others, such as loop and nbd.
 */
export function blockDeviceName(rdev: number, sysfs?: string): string | undefined {
  const folder = blockDeviceFolder(rdev, sysfs);
  const partition = systemText(`${folder}/partition`);
  const disk = partition === '' ? folder : `${folder}/..`;
  const name = mappingName(disk) ?? worldWideName(disk) ?? cephName(disk);
  return name === undefined || partition === '' ? name : `${name}-part${partition}`;
}

function mappingName(disk: string): string | undefined {
  const name = systemText(`${disk}/dm/uuid`);
  return UNIQUE_MAPPING.test(name) ? name : undefined;
}

/** Of a namespace of NVMe, or of a SCSI disk (iSCSI and Fibre Channel, too). */
function worldWideName(disk: string): string | undefined {
  return ['wwid', 'device/wwid']
    .map((attribute) => systemText(`${disk}/${attribute}`))
    .find((name) => WORLD_WIDE.test(name));
}

/** Of an RBD image: which cluster, pool, image and snapshot. */
function cephName(disk: string): string | undefined {
  const attributes = ['cluster_fsid', 'pool_id', 'image_id', 'current_snap'];
  const values = attributes.map((name) => systemText(`${disk}/device/${name}`));
  return values.includes('') ? undefined : `rbd-${values.join('-')}`;
}
