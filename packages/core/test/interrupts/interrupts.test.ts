import t from 'tap';
import { InterruptController } from '../../src/interrupts/interrupt-controller.js';
import { Irq } from '../../src/protocol/enums.js';
import { type CountingNotifier, ManualFence, notifiers, setIrqs } from '../device/fakes.js';
import { ATTACHMENT } from '../memory/fakes.js';

const ASSIGN = 0x24;
const DISABLE = 0x21;
const MASK = 0x09;
const UNMASK = 0x11;

interface Bench {
  readonly interrupts: InterruptController;
  readonly fence: ManualFence;
  assign(index: number, count?: number): CountingNotifier[];
  send(flags: number, index: number, count?: number): void;
}

function bench(): Bench {
  const fence = new ManualFence();
  const interrupts = new InterruptController(fence, ATTACHMENT);
  interrupts.describe({ intx: true, msi: 8, msix: 100 });
  return {
    interrupts,
    fence,
    assign(index, count = 1) {
      const fds = notifiers(count);
      interrupts.apply(setIrqs(ASSIGN, index, 0, count), fds);
      return fds;
    },
    send(flags, index, count = 1) {
      interrupts.apply(setIrqs(flags, index, 0, count), []);
    },
  };
}

t.test('before the device is known there are no interrupts', async (t) => {
  const interrupts = new InterruptController(new ManualFence(), ATTACHMENT);
  interrupts.raise(0);
  interrupts.setIntx(true);
  t.equal(interrupts.mode, 'none');
  t.equal(interrupts.intxAsserted, false);
});

t.test('the mode is what the driver enabled, else what the client wired up', async (t) => {
  const { interrupts, assign, send } = bench();
  t.equal(interrupts.mode, 'intx');
  assign(Irq.MSI);
  t.equal(interrupts.mode, 'msi');
  assign(Irq.MSIX);
  t.equal(interrupts.mode, 'msix');
  interrupts.configureMsi(true, 1);
  t.equal(interrupts.mode, 'msi', 'the driver knows better');
  interrupts.configureMsix(true, false);
  t.equal(interrupts.mode, 'msix');
  interrupts.configureMsix(false, false);
  interrupts.configureMsi(false, 1);
  send(DISABLE, Irq.MSI, 0);
  send(DISABLE, Irq.MSIX, 0);
  t.equal(interrupts.mode, 'intx');
});

t.test('INTx masks itself and is repeated while the level stays high', async (t) => {
  const { interrupts, assign, send } = bench();
  const [fd] = assign(Irq.INTX) as [CountingNotifier];
  interrupts.setIntx(true);
  interrupts.setIntx(true);
  t.equal(fd.signals, 1);
  send(UNMASK, Irq.INTX);
  t.equal(fd.signals, 2, 'end of interrupt while still asserted');
  interrupts.setIntx(false);
  send(UNMASK, Irq.INTX);
  t.equal(fd.signals, 2, 'end of interrupt after the level went low');
  interrupts.setIntx(true);
  t.equal(fd.signals, 3);
});

t.test('INTx waits for the client, for its unmask and for the command register', async (t) => {
  const { interrupts, assign, send } = bench();
  interrupts.setIntx(true);
  t.ok(interrupts.intxAsserted, 'the status bit shows the level all the same');
  const [fd] = assign(Irq.INTX) as [CountingNotifier];
  t.equal(fd.signals, 1, 'asserted before the notifier came');

  interrupts.disableIntx(true);
  send(UNMASK, Irq.INTX);
  t.equal(fd.signals, 1);
  interrupts.disableIntx(false);
  t.equal(fd.signals, 2);

  interrupts.setIntx(false);
  send(UNMASK, Irq.INTX);
  send(MASK, Irq.INTX);
  interrupts.setIntx(true);
  t.equal(fd.signals, 2);
  send(UNMASK, Irq.INTX);
  t.equal(fd.signals, 3);

  const [again] = assign(Irq.INTX) as [CountingNotifier];
  t.equal(again.signals, 1, 'a new notifier starts unmasked');
});

t.test('INTx is silent while messages are in use and comes back after them', async (t) => {
  const { interrupts, assign, send } = bench();
  const [fd] = assign(Irq.INTX) as [CountingNotifier];
  interrupts.configureMsix(true, false);
  interrupts.setIntx(true);
  t.equal(fd.signals, 0);
  interrupts.configureMsix(false, false);
  t.equal(fd.signals, 1);

  send(UNMASK, Irq.INTX);
  interrupts.setIntx(false);
  send(UNMASK, Irq.INTX);
  const signals = fd.signals;
  assign(Irq.MSI);
  interrupts.setIntx(true);
  t.equal(fd.signals, signals);
  send(DISABLE, Irq.MSI, 0);
  t.equal(fd.signals, signals + 1);
});

t.test('raise does nothing while neither MSI nor MSI-X is in use', async (t) => {
  const { interrupts, assign } = bench();
  const [line] = assign(Irq.INTX) as [CountingNotifier];
  interrupts.raise(0);
  const [fd] = assign(Irq.MSIX) as [CountingNotifier];
  t.strictSame([line.signals, fd.signals], [0, 0]);
});

t.test('vectors the device does not have are ignored', async (t) => {
  const { interrupts, assign } = bench();
  const fds = assign(Irq.MSIX, 100);
  for (const vector of [100, 2048, -1, Number.NaN]) interrupts.raise(vector);
  t.ok(fds.every((fd) => fd.signals === 0));
  t.ok(interrupts.msixPending.every((byte) => byte === 0));
});

t.test('enabling in the configuration space and SET_IRQS work in either order', async (t) => {
  const late = bench();
  late.interrupts.configureMsix(true, false);
  late.interrupts.raise(3);
  t.equal(late.interrupts.msixPending[0], 0b1000);
  t.equal(late.assign(Irq.MSIX, 4)[3]?.signals, 1, 'driver first');
  t.equal(late.interrupts.msixPending[0], 0);

  const early = bench();
  const fds = early.assign(Irq.MSIX, 4);
  early.interrupts.raise(3);
  t.equal(fds[3]?.signals, 1, 'client first');
});

t.test('an interrupt raised while QEMU exchanges its notifiers is not lost', async (t) => {
  const { interrupts, assign, send } = bench();
  interrupts.configureMsix(true, true);
  send(DISABLE, Irq.INTX, 0);
  send(ASSIGN, Irq.MSIX, 1);
  interrupts.configureMsix(true, false);
  send(DISABLE, Irq.MSIX, 0);
  assign(Irq.MSIX, 1);
  send(DISABLE, Irq.MSIX, 0);
  interrupts.raise(0);
  const [first, second] = assign(Irq.MSIX, 2) as [CountingNotifier, CountingNotifier];
  t.strictSame([first.signals, second.signals], [1, 0]);
});

t.test('switching MSI-X off forgets what was pending', async (t) => {
  const { interrupts, assign, send } = bench();
  const [masked] = assign(Irq.MSIX) as [CountingNotifier];
  interrupts.configureMsix(true, true);
  interrupts.raise(0);
  interrupts.configureMsix(false, false);
  interrupts.configureMsix(true, false);
  t.equal(masked.signals, 0);
  interrupts.configureMsix(false, false);
  send(DISABLE, Irq.MSIX, 0);

  interrupts.configureMsix(true, false);
  interrupts.raise(0);
  interrupts.configureMsix(false, false);
  interrupts.configureMsix(true, false);
  t.equal(assign(Irq.MSIX)[0]?.signals, 0);
});

t.test('the MSI-X function mask and the table mask hold vectors back', async (t) => {
  const { interrupts, assign } = bench();
  const fds = assign(Irq.MSIX, 100);
  interrupts.configureMsix(true, true);
  interrupts.raise(0);
  interrupts.raise(99);
  t.equal(fds[99]?.signals, 0);
  t.equal(interrupts.msixPending.length, 16, 'whole 64-bit words');
  t.equal(interrupts.msixPending[12], 1 << 3);

  interrupts.maskMsixVector(99, true);
  interrupts.configureMsix(true, false);
  t.strictSame([fds[0]?.signals, fds[99]?.signals], [1, 0]);
  interrupts.maskMsixVector(99, false);
  t.equal(fds[99]?.signals, 1);
  t.ok(interrupts.msixPending.every((byte) => byte === 0));
});

t.test('a function mask without MSI-X enabled does not count', async (t) => {
  const { interrupts, assign } = bench();
  const [fd] = assign(Irq.MSIX) as [CountingNotifier];
  interrupts.configureMsix(false, true);
  interrupts.raise(0);
  t.equal(fd.signals, 1);
});

t.test('MSI folds vectors into what the driver was granted', async (t) => {
  const { interrupts, assign } = bench();
  const fds = assign(Irq.MSI, 8);
  interrupts.raise(5);
  t.equal(fds[5]?.signals, 1, 'not enabled by the driver: as the client wired it');
  interrupts.configureMsi(true, 4);
  interrupts.raise(5);
  t.equal(fds[1]?.signals, 1);
});

t.test('MSI mask bits make vectors pending', async (t) => {
  const { interrupts, assign } = bench();
  const fds = assign(Irq.MSI, 8);
  interrupts.configureMsi(true, 8);
  interrupts.maskMsi(0b1000_0010);
  interrupts.raise(1);
  interrupts.raise(2);
  interrupts.raise(7);
  t.equal(interrupts.msiPending, 0b1000_0010);
  t.equal(fds[2]?.signals, 1);
  interrupts.maskMsi(0b10);
  t.equal(interrupts.msiPending, 0b10);
  t.strictSame([fds[1]?.signals, fds[7]?.signals], [0, 1]);
});

t.test('no notification overtakes DMA writes under way', async (t) => {
  const { interrupts, fence, assign } = bench();
  const [line] = assign(Irq.INTX) as [CountingNotifier];
  fence.open = false;
  interrupts.setIntx(true);
  t.equal(line.signals, 0);
  fence.pass();
  t.equal(line.signals, 1);

  const [fd] = assign(Irq.MSIX) as [CountingNotifier];
  interrupts.raise(0);
  t.equal(fd.signals, 0);
  fence.pass();
  t.equal(fd.signals, 1);
  fence.open = true;
  interrupts.raise(0);
  t.equal(fd.signals, 2, 'at once when open');
});

t.test('what waited for the fence respects what changed meanwhile', async (t) => {
  const { interrupts, fence, assign, send } = bench();
  const [line] = assign(Irq.INTX) as [CountingNotifier];
  fence.open = false;
  interrupts.setIntx(true);
  interrupts.setIntx(false);
  fence.pass();
  t.equal(line.signals, 0, 'the level went low');

  const [fd] = assign(Irq.MSIX) as [CountingNotifier];
  interrupts.raise(0);
  send(MASK, Irq.MSIX);
  fence.pass();
  t.equal(fd.signals, 0);
  t.equal(interrupts.msixPending[0], 1, 'masked: pending');
  send(UNMASK, Irq.MSIX);
  t.equal(fd.signals, 1);

  interrupts.raise(0);
  interrupts.reset();
  fence.pass();
  t.equal(fd.signals, 1, 'raised before a reset');
  interrupts.raise(0);
  fence.pass();
  t.equal(fd.signals, 2, 'raised after it');

  interrupts.raise(0);
  interrupts.releaseAll();
  fence.pass();
  t.equal(fd.signals, 2, 'the client is gone');
});

t.test(
  'a reset keeps what the client wired up: it is not told and would not do it again',
  async (t) => {
    const { interrupts, assign } = bench();
    const [line] = assign(Irq.INTX) as [CountingNotifier];
    const [fd, other] = assign(Irq.MSIX, 2) as [CountingNotifier, CountingNotifier];
    interrupts.configureMsix(true, true);
    interrupts.maskMsixVector(1, true);
    interrupts.disableIntx(true);
    interrupts.setIntx(true);
    interrupts.raise(0);
    interrupts.reset();
    t.notOk(line.closed || fd.closed);
    t.equal(interrupts.intxAsserted, false);
    t.ok(interrupts.msixPending.every((byte) => byte === 0));
    interrupts.raise(0);
    interrupts.raise(1);
    t.strictSame([fd.signals, other.signals], [1, 1], 'no mask of the driver is left');
  },
);
