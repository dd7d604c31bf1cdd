// A Node.js client of npm's `supervisord` against the daemon at the address of the first argument. Exit status 0 when every
// answer is as it must be.
'use strict';
const assert = require('node:assert');
const client = require('supervisord').connect(process.argv[2]);

function call(method, ...parameters) {
  return new Promise((resolve, reject) => {
    client[method](...parameters, (error, value) => (error ? reject(error) : resolve(value)));
  });
}

async function main() {
  assert.strictEqual((await call('getState')).statename, 'RUNNING');
  assert.strictEqual(await call('getAPIVersion'), '3.0');
  assert.ok((await call('listMethods')).includes('supervisor.startProcess'));
  const all = await call('getAllProcessInfo');
  assert.deepStrictEqual(all.map((info) => [info.name, info.statename]), [['other', 'RUNNING'], ['web', 'STOPPED']]);
  assert.strictEqual(await call('startProcess', 'web'), true);
  const info = await call('getProcessInfo', 'web');
  assert.strictEqual(info.state, 20);
  assert.ok(info.pid > 1 && info.description.startsWith('pid '));
  assert.strictEqual(await call('sendProcessStdin', 'web', 'hé <b>\n'), true);
  for (let tries = 0; !(await call('readProcessStdoutLog', 'web', 0, 0)).includes('hé <b>\n'); tries += 1) {
    assert.ok(tries < 200, 'its output is in its log');
    await new Promise((done) => setTimeout(done, 50));
  }
  const tail = await call('tailProcessStdoutLog', 'other', 0, 100);
  assert.deepStrictEqual(tail, ['grüße & hello\n', 16, false]);
  await assert.rejects(call('startProcess', 'web'), { faultCode: 60, faultString: 'ALREADY_STARTED: web' });
  await assert.rejects(call('getProcessInfo', 'nobody'), { faultCode: 10, faultString: 'BAD_NAME: nobody' });
  const results = await call('multicall', [
    { methodName: 'supervisor.stopProcess', params: ['web'] },
    { methodName: 'supervisor.startProcess', params: ['web'] },
    { methodName: 'supervisor.startProcess', params: ['nobody'] },
  ]);
  assert.deepStrictEqual(results.slice(0, 2), [true, true]);
  assert.strictEqual(results[2].faultCode, 10);
  const stopped = await call('stopProcessGroup', 'web');
  assert.deepStrictEqual(stopped.map((result) => [result.name, result.status]), [['web', 80]]);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
