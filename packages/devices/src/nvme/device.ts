import { randomUUID } from 'node:crypto';
import {
  type Capability,
  type ClientTraits,
  type DeviceHost,
  type DeviceMemory,
  definePciDevice,
  type Logger,
  msi,
  msix,
  type PciDeviceDefinition,
  pciExpress,
  powerManagement,
} from '@vfio-user/core';
import { NvmeController } from './controller.js';
import {
  createIdentity,
  DEVICE_ID,
  namedUuid,
  parseUuid,
  uuidText,
  VENDOR_ID,
} from './identity.js';
import { type NvmeOptions, nvmeOptions } from './options.js';
import {
  BAR_SIZE,
  controllerRegisters,
  DOORBELLS_OFFSET,
  DOORBELLS_SIZE,
  MSIX_PBA_OFFSET,
  MSIX_TABLE_OFFSET,
} from './registers.js';
import { FileStorage } from './storage/file-storage.js';
import { DEFAULT_BLOCK_BYTES, openImage } from './storage/image.js';
import { MemoryStorage } from './storage/memory-storage.js';
import { Namespace } from './storage/namespace.js';

/** Mass storage, non-volatile memory, NVM Express. */
const CLASS_CODE = 0x010802;

const DOORBELLS_NOT_OFFERED =
  'nvme: the client may not map the doorbells, which SPDK needs: leave out doorbells=trapped';

/** PCI Local Bus Specification 3.0, 6.8.1.3: message control, "Multiple Message Capable". */
const MAX_MSI_VECTORS = 32;

/** An NVMe controller with one namespace, in memory, in a file or on a block device. */
export const nvme: PciDeviceDefinition<NvmeOptions> = definePciDevice({
  name: 'nvme',
  summary: 'NVMe 1.4 controller; blocks in memory, in a file or on a block device',
  options: nvmeOptions,
  registers: {
    // Of any NVM Express controller whose doorbell stride (CAP.DSTRD) is 0.
    title: 'NVMe',
    describes: ({ classCode }) => classCode === CLASS_CODE,
    bars: { 0: controllerRegisters },
  },

  create(host, options) {
    const memory = doorbellMemory(options, host);
    const { namespace, uuid } = openNamespace(options, host.logger);
    const identity = createIdentity(uuid, options);
    const controller = new NvmeController({
      host,
      identity,
      namespace,
      ioQueues: options.queues,
      doorbells: options.doorbells,
      doorbellMemory: memory,
    });
    return {
      identity: {
        vendorId: VENDOR_ID,
        deviceId: DEVICE_ID,
        revisionId: 2,
        classCode: CLASS_CODE,
        subsystemVendorId: VENDOR_ID,
        subsystemId: DEVICE_ID,
      },
      serial: `${identity.serial} ${uuidText(uuid)}`,
      intx: true,
      capabilities: [
        powerManagement(),
        pciExpress({ functionLevelReset: true }),
        ...messageInterrupts(options),
      ],
      bars: {
        0: {
          kind: 'memory64',
          size: BAR_SIZE,
          access: controller.registers,
          memory,
          mappable:
            memory === undefined ? undefined : [{ offset: DOORBELLS_OFFSET, size: DOORBELLS_SIZE }],
          mayMap(client) {
            const offers = memory !== undefined && offersDoorbells(options, client);
            controller.offersDoorbells = offers;
            if (!offers && !client.namesCapabilities) host.logger.warn({}, DOORBELLS_NOT_OFFERED);
            return offers;
          },
        },
      },
      // No quiesce(): a client which waits for an answer may not serve our messages, so waiting for
      // them would stall both. Commands whose memory goes away fail by themselves.
      reset: (kind) => controller.reset(kind),
      clientReturned: () => controller.clientReturned(),
      close() {
        controller.close();
        memory?.close();
        return namespace.storage.close();
      },
    };
  },
});

/** One vector for the admin queue and one for each I/O queue, as far as the kind has them. */
function messageInterrupts({ interrupts, queues }: NvmeOptions): readonly Capability[] {
  const vectors = queues + 1;
  if (interrupts === 'intx') return [];
  if (interrupts === 'msi') {
    const powerOfTwo = 2 ** Math.ceil(Math.log2(vectors));
    return [msi({ vectors: Math.min(powerOfTwo, MAX_MSI_VECTORS) })];
  }
  return [
    msix({
      vectors,
      table: { bar: 0, offset: MSIX_TABLE_OFFSET },
      pendingBits: { bar: 0, offset: MSIX_PBA_OFFSET },
    }),
  ];
}

/** The namespace, and its UUID. */
function openNamespace(
  options: NvmeOptions,
  logger: Logger,
): { readonly namespace: Namespace; readonly uuid: Uint8Array } {
  const { file, size, lba, readonly: isReadOnly } = options;
  const given = options.uuid === undefined ? undefined : parseUuid(options.uuid);
  if (file === undefined) {
    const storage = new MemoryStorage(size ?? 0, isReadOnly);
    const namespace = new Namespace(storage, lba ?? DEFAULT_BLOCK_BYTES);
    return { namespace, uuid: given ?? memoryUuid(options) };
  }
  const image = openImage({ path: file, size, lba, isReadOnly, uuid: given }, logger);
  const namespace = new Namespace(new FileStorage(image, logger), image.blockBytes);
  const unused = image.size % image.blockBytes;
  if (unused !== 0) {
    logger.warn({ file, size: image.size, unused }, 'nvme: the last bytes fill no block: unused');
  }
  return { namespace, uuid: image.uuid };
}

/** Blocks that are new at each start are others each time, unless the user says who they are. */
function memoryUuid({ serial, model }: NvmeOptions): Uint8Array {
  return namedUuid(serial === undefined ? randomUUID() : `${model}\0${serial}`);
}

/**
 * With `auto`, only a client like SPDK's may store into the doorbells, as it knows no other way. A
 * driver under QEMU is better off with messages: polling would cost it delay and us a processor.
 */
function offersDoorbells({ doorbells }: NvmeOptions, client: ClientTraits): boolean {
  return doorbells === 'mapped' || (doorbells === 'auto' && !client.namesCapabilities);
}

/** Area `[0, end of the doorbells)`, since offsets in the memory are offsets in the BAR. */
function doorbellMemory({ doorbells }: NvmeOptions, host: DeviceHost): DeviceMemory | undefined {
  if (doorbells === 'trapped') return undefined;
  if (host.pageBytes > DOORBELLS_SIZE) {
    host.logger.info(
      { pageBytes: host.pageBytes },
      'nvme: doorbells are trapped, as this host has larger pages than the 4096 bytes they take',
    );
    return undefined;
  }
  return host.allocateDeviceMemory('nvme-doorbells', DOORBELLS_OFFSET + DOORBELLS_SIZE);
}
