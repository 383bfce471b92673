import t from 'tap';
import { openFence } from '../../src/device/notification-fence.js';
import { InterruptController } from '../../src/interrupts/interrupt-controller.js';
import {
  IRQ_SET_DATA_BOOL as BOOL,
  IRQ_SET_DATA_EVENTFD as EVENTFD,
  IRQ_SET_ACTION_MASK as MASK,
  IRQ_SET_DATA_NONE as NONE,
  IRQ_SET_ACTION_TRIGGER as TRIGGER,
  IRQ_SET_ACTION_UNMASK as UNMASK,
} from '../../src/protocol/constants.js';
import { Irq } from '../../src/protocol/enums.js';
import type { SetIrqs } from '../../src/protocol/messages.js';
import { type CountingNotifier, notifiers, setIrqs } from '../device/fakes.js';
import { ATTACHMENT } from '../memory/fakes.js';

function controller(): InterruptController {
  const interrupts = new InterruptController(openFence, ATTACHMENT);
  interrupts.describe({ intx: true, msi: 8, msix: 2048 });
  return interrupts;
}

/** As the session does it. */
function request(
  interrupts: InterruptController,
  body: SetIrqs,
  fds: readonly CountingNotifier[] = [],
): void {
  interrupts.validate(body, fds.length);
  interrupts.apply(body, fds);
}

const refused = { code: 'VFU_REQUEST_REFUSED', errno: 22 };

t.test('IRQ_INFO tells what each index can do', async (t) => {
  const interrupts = controller();
  t.strictSame(interrupts.info(Irq.INTX), { flags: 0x7, count: 1 });
  t.strictSame(interrupts.info(Irq.MSI), { flags: 0x3, count: 8 });
  t.strictSame(interrupts.info(Irq.MSIX), { flags: 0x3, count: 2048 });
  t.strictSame(interrupts.info(Irq.ERR), { flags: 0x1, count: 1 });
  t.strictSame(interrupts.info(Irq.REQ), { flags: 0x1, count: 1 });
  t.throws(() => interrupts.info(5), refused);

  const bare = new InterruptController(openFence, ATTACHMENT);
  bare.describe({ intx: false, msi: 0, msix: 0 });
  t.strictSame(bare.info(Irq.INTX), { flags: 0, count: 0 });
  t.strictSame(bare.info(Irq.MSIX), { flags: 0, count: 0 });
});

t.test('requests that contradict themselves or the device are refused', async (t) => {
  const bad: readonly [what: string, body: SetIrqs, descriptors?: number][] = [
    ['argsz too small', { ...setIrqs(TRIGGER | NONE, Irq.MSIX, 0, 0), argsz: 3 }],
    ['no such index', setIrqs(TRIGGER | NONE, 5, 0, 0)],
    ['unknown flag', setIrqs(TRIGGER | NONE | 0x40, Irq.MSIX, 0, 1)],
    ['no data type', setIrqs(TRIGGER, Irq.MSIX, 0, 1)],
    ['no action', setIrqs(NONE, Irq.MSIX, 0, 1)],
    ['two actions', setIrqs(MASK | UNMASK | NONE, Irq.MSIX, 0, 1)],
    ['two data types', setIrqs(MASK | NONE | BOOL, Irq.MSIX, 0, 1)],
    ['range ends outside', setIrqs(TRIGGER | NONE, Irq.MSIX, 2047, 2)],
    ['range starts outside', setIrqs(TRIGGER | NONE, Irq.MSIX, 2049, 1)],
    ['range overflows', setIrqs(TRIGGER | NONE, Irq.MSIX, 284, 0xffff_ffff)],
    ['MASK on ERR', setIrqs(MASK | NONE, Irq.ERR, 0, 1)],
    ['UNMASK on REQ', setIrqs(UNMASK | NONE, Irq.REQ, 0, 1)],
    ['two ERR vectors', setIrqs(TRIGGER | NONE, Irq.ERR, 0, 2)],
    ['two REQ vectors', setIrqs(TRIGGER | NONE, Irq.REQ, 0, 2)],
    ['count 0 with a start', setIrqs(TRIGGER | NONE, Irq.MSIX, 1, 0)],
    ['count 0 with MASK', setIrqs(MASK | NONE, Irq.MSIX, 0, 0)],
    ['count 0 with DATA_BOOL', setIrqs(TRIGGER | BOOL, Irq.MSIX, 0, 0, [])],
    ['count 0 with DATA_EVENTFD', setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 0)],
    ['DATA_BOOL with a descriptor', setIrqs(TRIGGER | BOOL, Irq.MSIX, 0, 1, [1]), 1],
    ['DATA_NONE with a descriptor', setIrqs(TRIGGER | NONE, Irq.MSIX, 0, 1), 1],
    ['fewer descriptors than vectors', setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 2), 1],
    ['more descriptors than vectors', setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 1), 2],
    ['fewer bools than vectors', setIrqs(TRIGGER | BOOL, Irq.MSIX, 0, 2, [1])],
    ['more bools than vectors', setIrqs(TRIGGER | BOOL, Irq.MSIX, 0, 2, [1, 1, 1])],
    ['DATA_BOOL without bools', setIrqs(TRIGGER | BOOL, Irq.MSIX, 0, 2)],
    ['unmasking by descriptor', setIrqs(UNMASK | EVENTFD, Irq.INTX, 0, 1), 1],
  ];
  const interrupts = controller();
  for (const [what, body, descriptors = 0] of bad) {
    t.throws(() => interrupts.validate(body, descriptors), refused, what);
  }
});

t.test('a vector the device does not have is refused', async (t) => {
  const interrupts = new InterruptController(openFence, ATTACHMENT);
  interrupts.describe({ intx: false, msi: 0, msix: 2 });
  t.throws(() => interrupts.validate(setIrqs(TRIGGER | EVENTFD, Irq.INTX, 0, 1), 1), refused);
  interrupts.validate(setIrqs(TRIGGER | NONE, Irq.INTX, 0, 0), 0);
});

t.test('every index can be disabled, assigned or not', async (t) => {
  const interrupts = controller();
  for (const index of Object.values(Irq)) {
    request(interrupts, setIrqs(TRIGGER | NONE, index, 0, 0));
    const [fd] = notifiers(1) as [CountingNotifier];
    request(interrupts, setIrqs(TRIGGER | EVENTFD, index, 0, 1), [fd]);
    request(interrupts, setIrqs(TRIGGER | NONE, index, 0, 1));
    t.equal(fd.signals, 1, `index ${index} is wired up`);
    request(interrupts, setIrqs(TRIGGER | NONE, index, 0, 0));
    t.ok(fd.closed, `index ${index} is released`);
  }
});

t.test('assigning a vector again closes the notifier it had', async (t) => {
  const interrupts = controller();
  const [first, second] = notifiers(2) as [CountingNotifier, CountingNotifier];
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 8, 1), [first]);
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 8, 1), [second]);
  t.ok(first.closed);
  interrupts.raise(8);
  t.equal(second.signals, 1);
  t.notOk(second.closed);
});

t.test('DATA_EVENTFD without descriptors takes back exactly the range', async (t) => {
  const interrupts = controller();
  const fds = notifiers(16);
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 16), fds);
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 8, 3));
  t.strictSame(
    fds.flatMap((fd, i) => (fd.closed ? [i] : [])),
    [8, 9, 10],
  );
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 8, 1));
});

t.test('masking by DATA_EVENTFD without descriptors changes nothing', async (t) => {
  const interrupts = controller();
  const [fd] = notifiers(1) as [CountingNotifier];
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 1), [fd]);
  request(interrupts, setIrqs(MASK | EVENTFD, Irq.MSIX, 0, 1));
  interrupts.raise(0);
  t.equal(fd.signals, 1);
});

t.test('TRIGGER from the client notifies the vectors it names', async (t) => {
  const interrupts = controller();
  const fds = notifiers(3);
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 3), fds);
  request(interrupts, setIrqs(TRIGGER | NONE, Irq.MSIX, 1, 1));
  t.strictSame(
    fds.map((fd) => fd.signals),
    [0, 1, 0],
  );
  request(interrupts, setIrqs(TRIGGER | BOOL, Irq.MSIX, 1, 2, [0, 1]));
  t.strictSame(
    fds.map((fd) => fd.signals),
    [0, 1, 1],
  );
  request(interrupts, setIrqs(TRIGGER | NONE, Irq.MSIX, 100, 1));
});

t.test('MASK holds a vector back and UNMASK sends what came meanwhile, once', async (t) => {
  const interrupts = controller();
  const fds = notifiers(2);
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 2), fds);
  request(interrupts, setIrqs(MASK | BOOL, Irq.MSIX, 0, 2, [1, 0]));
  interrupts.raise(0);
  interrupts.raise(0);
  interrupts.raise(1);
  t.strictSame(
    fds.map((fd) => fd.signals),
    [0, 1],
  );
  t.equal(interrupts.msixPending[0], 0b01, 'pending bit array');
  request(interrupts, setIrqs(UNMASK | NONE, Irq.MSIX, 0, 2));
  t.strictSame(
    fds.map((fd) => fd.signals),
    [1, 1],
  );
  t.equal(interrupts.msixPending[0], 0);
});

t.test('disabling an index forgets what the client masked', async (t) => {
  const interrupts = controller();
  const [before, after] = notifiers(2) as [CountingNotifier, CountingNotifier];
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 1), [before]);
  request(interrupts, setIrqs(MASK | NONE, Irq.MSIX, 0, 1));
  interrupts.raise(0);
  request(interrupts, setIrqs(TRIGGER | NONE, Irq.MSIX, 0, 0));
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 1), [after]);
  t.equal(after.signals, 0, 'what was held back is gone with it');
  interrupts.raise(0);
  t.equal(after.signals, 1);
  t.equal(before.signals, 0);
});

t.test('ERR and REQ notify whoever asked for them', async (t) => {
  const interrupts = controller();
  const [error, release] = notifiers(2) as [CountingNotifier, CountingNotifier];
  interrupts.raiseError();
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.ERR, 0, 1), [error]);
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.REQ, 0, 1), [release]);
  t.equal(error.signals, 0, 'an error from before is not kept');
  interrupts.raiseError();
  interrupts.requestRelease();
  t.strictSame([error.signals, release.signals], [1, 1]);
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.ERR, 0, 1));
  t.ok(error.closed, 'taken back without a descriptor, as QEMU does');
});

t.test('when the client is gone nothing of it is left', async (t) => {
  const interrupts = controller();
  const fds = notifiers(4);
  [Irq.INTX, Irq.MSI, Irq.MSIX, Irq.ERR].forEach((index, i) => {
    request(interrupts, setIrqs(TRIGGER | EVENTFD, index, 0, 1), fds.slice(i, i + 1));
  });
  request(interrupts, setIrqs(MASK | NONE, Irq.MSIX, 0, 1));
  interrupts.setIntx(true);
  interrupts.raise(0);
  interrupts.releaseAll();
  t.ok(fds.every((fd) => fd.closed));
  t.equal(interrupts.mode, 'intx');
  t.equal(interrupts.intxAsserted, false);

  const [next] = notifiers(1) as [CountingNotifier];
  request(interrupts, setIrqs(TRIGGER | EVENTFD, Irq.MSIX, 0, 1), [next]);
  t.equal(next.signals, 0, 'nothing pending for the next client');
  interrupts.raise(0);
  t.equal(next.signals, 1, 'and nothing masked');
});
