import t from 'tap';
import { Command } from '../../src/protocol/enums.js';
import { DEFAULT_MAX_FRAME_BYTES } from '../../src/protocol/native/framing.js';
import { NativeEncoding } from '../../src/protocol/native/native-encoding.js';

/** A header of that size and command, `offset` bytes into the buffer. */
function header(size: number, command: number, offset = 0): DataView {
  const view = new DataView(new ArrayBuffer(offset + 16));
  view.setUint16(offset + 2, command, true);
  view.setUint32(offset + 4, size, true);
  return view;
}

t.test('the length of a frame is msg_size, from a header to the limit', async (t) => {
  const { framing } = new NativeEncoding();
  t.equal(framing.headerBytes, 16);
  t.equal(DEFAULT_MAX_FRAME_BYTES, 1_048_576 + 4096 + 32);
  for (const size of [16, 17, 0x1234, DEFAULT_MAX_FRAME_BYTES]) {
    t.equal(framing.frameLength(header(size, Command.REGION_READ, 5), 5), size);
  }
  for (const size of [0, 15, DEFAULT_MAX_FRAME_BYTES + 1, 0xffff_ffff]) {
    t.throws(() => framing.frameLength(header(size, Command.REGION_READ), 0), {
      code: 'VFU_PROTOCOL_VIOLATION',
      message: new RegExp(`REGION_READ: msg_size is ${size},`),
    });
  }
});

t.test('the limit is an option', async (t) => {
  const { framing } = new NativeEncoding({ maxFrameBytes: 100 });
  t.equal(framing.frameLength(header(100, Command.VERSION), 0), 100);
  t.throws(() => framing.frameLength(header(101, Command.VERSION), 0));
});

t.test('just the commands that know descriptors may carry them', async (t) => {
  const { framing } = new NativeEncoding();
  const carriers = Object.entries(Command)
    .filter(([, command]) => framing.mayCarryDescriptors(header(16, command, 3), 3))
    .map(([name]) => name);
  t.strictSame(carriers, [
    'VERSION',
    'DMA_MAP',
    'DMA_UNMAP',
    'DEVICE_GET_REGION_INFO',
    'DEVICE_GET_REGION_IO_FDS',
    'DEVICE_SET_IRQS',
  ]);
  t.notOk(framing.mayCarryDescriptors(header(16, 999), 0));
});
