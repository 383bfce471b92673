/** Base classes of the PCI Code and ID Assignment Specification. */
const BASE_CLASSES: readonly string[] = [
  'Unclassified device',
  'Mass storage controller',
  'Network controller',
  'Display controller',
  'Multimedia controller',
  'Memory controller',
  'Bridge',
  'Communication controller',
  'Generic system peripheral',
  'Input device controller',
  'Docking station',
  'Processor',
  'Serial bus controller',
  'Wireless controller',
  'Intelligent controller',
  'Satellite communications controller',
  'Encryption controller',
  'Signal processing controller',
  'Processing accelerator',
  'Non-essential instrumentation',
];

/** The classes worth naming exactly: 16 bits (base and subclass) or 24 (with programming interface). */
const EXACT: ReadonlyMap<number, string> = new Map([
  [0x0100, 'SCSI storage controller'],
  [0x0101, 'IDE interface'],
  [0x0104, 'RAID bus controller'],
  [0x0106, 'SATA controller'],
  [0x0108, 'Non-volatile memory controller'],
  [0x010802, 'NVM Express controller'],
  [0x0200, 'Ethernet controller'],
  [0x0300, 'VGA compatible controller'],
  [0x0403, 'Audio device'],
  [0x0500, 'RAM memory'],
  [0x0580, 'Memory controller'],
  [0x0600, 'Host bridge'],
  [0x0601, 'ISA bridge'],
  [0x0604, 'PCI bridge'],
  [0x0700, 'Serial controller'],
  [0x0880, 'System peripheral'],
  [0x0c03, 'USB controller'],
  [0x0c0330, 'USB controller (xHCI)'],
  [0x0c05, 'SMBus'],
  [0x1180, 'Signal processing controller'],
  [0x1200, 'Processing accelerator'],
]);

/** What a 24-bit class code stands for. */
export function className(classCode: number): string {
  const base = classCode >>> 16;
  return (
    EXACT.get(classCode) ??
    EXACT.get(classCode >>> 8) ??
    BASE_CLASSES[base] ??
    (base === 0xff ? 'Unassigned class' : 'Unknown class')
  );
}
