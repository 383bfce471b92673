import { readFileSync } from 'node:fs';
import t from 'tap';
import { groupId } from '../src/index.js';

t.test('groups of this machine are found by name', async (t) => {
  for (const line of readFileSync('/etc/group', 'utf8').split('\n')) {
    const [name, , id] = line.split(':');
    if (name && id) t.equal(groupId(name), Number(id), name);
  }
  t.equal(groupId('no-such-group'), undefined);
  t.equal(groupId(''), undefined);
});
