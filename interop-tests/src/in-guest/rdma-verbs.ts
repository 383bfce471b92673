// node-rdma-ffi on a device, from this machine to itself.

import { runChecks } from './checks.js';
import * as lifecycle from './rdma-lifecycle.js';
import * as transfers from './rdma-transfers.js';
import * as failures from './rdma-violations.js';

await runChecks((t) => {
  t.test('the device is found, with its addresses', lifecycle.findsTheDevice);
  t.test('the device says what it offers', lifecycle.saysWhatItOffers);
  t.test('memory that is not there is not registered', lifecycle.refusesMemoryThatIsNotThere);
  t.test('registered memory is kept', lifecycle.keepsRegisteredMemory);
  t.test('impossible peers are refused', lifecycle.refusesImpossiblePeers);

  t.test('a message arrives', transfers.sendsAMessage);
  t.test('32 bits come along with a message', transfers.sendsImmediates);
  t.test('an inline message needs no memory region', transfers.sendsInline);
  t.test('memory of the peer is written', transfers.writesToThePeer);
  t.test('memory of the peer is read', transfers.readsFromThePeer);
  t.test('writes come before their notification', transfers.writesComeBeforeTheirNotification);
  t.test('8 MiB arrive unchanged', transfers.movesLargeMemory);
  t.test('each message is answered, asleep in between', transfers.answersEachMessage(0));
  t.test('each message is answered, waiting actively', transfers.answersEachMessage(200));

  failures.violations(t);
  t.test('a wrong local key is refused', failures.refusesAWrongLocalKey);
  t.test('a message longer than its receive is refused', failures.refusesATooLongMessage);
  t.test('a queue pair that fails flushes what is posted', failures.flushesOnFailure);
  t.test('a peer that is gone is noticed', failures.noticesAPeerThatIsGone);
  t.test('more than the queue holds is refused', failures.refusesMoreThanTheQueueHolds);
  t.test('child processes take no memory away', failures.childProcessesTakeNoMemoryAway);

  t.test('everything closes in any order', lifecycle.closesInAnyOrder);
  t.test('a handler may close its device', lifecycle.closesInsideTheHandler);
  t.test('a port that goes down and up is an event', lifecycle.hearsOfThePort);
  t.test('a device that nobody has open any more can be deleted', lifecycle.letsTheDeviceGo);
});
