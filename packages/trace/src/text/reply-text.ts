import { Command } from '@vfio-user/core';
import type { ReplyMessage } from '@vfio-user/core/internal';
import { interruptName, regionName } from '../device/region-names.js';
import { sizeText } from '../pci/hex.js';
import { DEVICE_FLAGS, IRQ_FLAGS, REGION_FLAGS } from './flag-names.js';
import { featureText } from './request-text.js';
import { dataText, flagsText, hexText } from './values.js';

/** What a reply says, other than about accesses to regions. */
export function replyText({ command, body }: ReplyMessage): string {
  switch (command) {
    case Command.VERSION:
      return `${body.major}.${body.minor} ${body.capabilities ?? ''}`;
    case Command.DMA_UNMAP: {
      const place = `${hexText(body.address)}+${sizeText(body.size)}`;
      return body.bits === undefined ? place : `${place} dirty = ${dataText(body.bits)}`;
    }
    case Command.DEVICE_GET_INFO: {
      const { numRegions, numIrqs, flags } = body;
      return `${numRegions} regions, ${numIrqs} interrupts, ${flagsText(flags, DEVICE_FLAGS)}`;
    }
    case Command.DEVICE_GET_REGION_INFO: {
      const { index, size, flags, argsz, sparse = [] } = body;
      const areas = sparse.map((area) => `${hexText(area.offset)}+${sizeText(area.size)}`);
      const mappable = areas.length === 0 ? '' : ` mappable ${areas.join(', ')}`;
      const head = `${regionName(index)} argsz ${argsz} size ${sizeText(size)}`;
      return `${head} ${flagsText(flags, REGION_FLAGS)}${mappable}`;
    }
    case Command.DEVICE_GET_REGION_IO_FDS: {
      const entries = body.entries.map(({ offset, size }) => `${hexText(offset)}+${size}`);
      return `${regionName(body.index)} ${body.count} entries ${entries.join(', ')}`;
    }
    case Command.DEVICE_GET_IRQ_INFO:
      return `${interruptName(body.index)} count ${body.count} ${flagsText(body.flags, IRQ_FLAGS)}`;
    case Command.DMA_READ:
      return `${hexText(body.address)} [${body.count}] = ${dataText(body.data)}`;
    case Command.DMA_WRITE:
      return body === undefined ? '' : `${hexText(body.address)} [${body.count}]`;
    case Command.REGION_WRITE_MULTI:
      return `${body.count} written`;
    case Command.DEVICE_FEATURE:
      return featureText(body.flags, body.data);
    case Command.MIG_DATA_READ:
      return `[${body.size}] = ${dataText(body.data)}`;
    default:
      return '';
  }
}
