import { expect, test } from 'vitest';
import { RpcError } from '../../../src/chain/node/json-rpc-socket.ts';
import { dispatchRejection, poolRejection, rejectionKind } from '../../../src/chain/transaction/explain-rejection.ts';

const CALL = 'subtensorModule.setWeights';

test('a dispatch error keeps its names and says what to do', () => {
  const error = dispatchRejection(CALL, { section: 'subtensorModule', name: 'SettingWeightsTooFast' });
  expect(error).toMatchObject({
    code: 'chain-rejected',
    facts: { section: 'subtensorModule', name: 'SettingWeightsTooFast' },
  });
  expect(error.sentence).toBe(
    'the chain refused subtensorModule.setWeights: subtensorModule.SettingWeightsTooFast. Wait until the weights rate limit has passed.',
  );
});

test.each([
  ['a node of the network', { code: 1010, message: 'Invalid Transaction', data: 'Custom error: 6' }],
  ['a node that puts it in the message', { code: 1010, message: 'Invalid Transaction: Custom error: 6' }],
  ['a simulated node', { code: 1010, message: '{"invalid":{"custom":6}}' }],
])('custom code 6 is the rate limit, as said by %s', (_, answer) => {
  const error = poolRejection(CALL, new RpcError(answer), 425);
  expect(error).toMatchObject({
    code: 'chain-rejected',
    transient: false,
    facts: { name: 'RateLimitExceeded', rpcCode: 1010, custom: 6 },
  });
  expect(error.message).toContain('RateLimitExceeded');
});

test.each([
  [1, 'StakeAmountTooLow'],
  [10, 'HotKeyNotRegisteredInNetwork'],
  [16, 'CommitNotFound'],
  [17, 'CommitBlockNotInRevealRange'],
  [27, 'DelegateTakeTooHigh'],
])('custom code %i is %s', (custom, name) => {
  const answer = new RpcError({ code: 1010, message: 'Invalid Transaction', data: `Custom error: ${custom}` });
  expect(poolRejection(CALL, answer, 425).facts.name).toBe(name);
});

test.each([
  [3, 'NotEnoughStakeToSetWeights', 'NotEnoughStakeToSetWeights'],
  [5, 'TooManyRegistrationsThisInterval', 'TooManyRegistrationsThisInterval'],
  [6, 'InvalidTransaction', 'custom error 6'],
])('custom code %i before spec 233, which numbered them otherwise, is %s', (custom, name, said) => {
  const answer = new RpcError({ code: 1010, message: `{"invalid":{"custom":${custom}}}` });
  const error = poolRejection(CALL, answer, 218);
  expect(error.message).toContain(said);
  expect(error.facts).toMatchObject({ custom, name });
});

test.each([
  { code: 1010, message: 'Invalid Transaction', data: 'Transaction is outdated' },
  { code: 1010, message: '{"invalid":{"stale":null}}' },
  { code: 1014, message: 'Priority is too low: (1 vs 1)' },
])('a nonce that was used already may be tried again: %j', (answer) => {
  expect(poolRejection(CALL, new RpcError(answer), 425)).toMatchObject({ transient: true, facts: { usedNonce: true } });
});

test('a runtime that fails on a call is explained', () => {
  const answer = new RpcError({ code: 1011, message: 'Error: wasm `unreachable` instruction executed' });
  expect(poolRejection(CALL, answer, 425).message).toContain('the call does not fit this runtime (RPC 1011)');
});

test('what is not known is shown as the node said it', () => {
  const answer = new RpcError({ code: 1016, message: 'Immediately Dropped', data: 'The pool is full' });
  const rejection = poolRejection(CALL, answer, 425);
  expect(rejection.message).toContain('Immediately Dropped The pool is full (RPC 1016)');
  expect(rejection.transient).toBe(true);
});

test.each([
  [1012, true],
  [1016, true],
  [-32_000, true],
  [-32_603, true],
  [1010, false],
  [1011, true],
  [-32_601, false],
])('RPC %i passes by itself: %s', (code, passes) => {
  expect(poolRejection(CALL, new RpcError({ code, message: 'no' }), 425).transient).toBe(passes);
});

test.each([
  ['Stale', 'Transaction is outdated', 'stale'],
  ['BadProof', 'Transaction has a bad signature', 'badProof'],
  ['AncientBirthBlock', 'Transaction has an ancient birth block', 'ancientBirthBlock'],
  ['Payment', 'Inability to pay some fees (e.g. account balance too low)', 'payment'],
  ['Future', 'Transaction will be valid in the future', 'future'],
  ['Call', 'Transaction call is not expected', 'call'],
  ['ExhaustsResources', 'Transaction would exhaust the block limits', 'exhaustsResources'],
  ['BadSigner', 'Invalid signing address', 'badSigner'],
])('%s is known from the words of a node and of a simulated one', (name, words, variant) => {
  const answers = [
    { code: 1010, message: 'Invalid Transaction', data: words },
    { code: 1010, message: `Invalid Transaction: ${words}` },
    { code: 1010, message: JSON.stringify({ invalid: { [variant]: null } }) },
  ];
  for (const answer of answers) expect(poolRejection(CALL, new RpcError(answer), 425).facts.name).toBe(name);
});

test('custom code 255 is a request that the runtime does not explain', () => {
  const answer = new RpcError({ code: 1010, message: 'Invalid Transaction', data: 'Custom error: 255' });
  expect(poolRejection(CALL, answer, 425).facts.name).toBe('BadRequest');
});

test.each([
  ['call', { code: 1010, message: 'Invalid Transaction', data: 'Custom error: 6' }],
  ['call', { code: 1011, message: 'Error: wasm `unreachable` instruction executed' }],
  ['signature', { code: 1010, message: 'Invalid Transaction', data: 'Transaction has a bad signature' }],
  ['signature', { code: 1010, message: 'Invalid Transaction', data: 'Transaction has an ancient birth block' }],
  ['passing', { code: 1010, message: 'Invalid Transaction', data: 'Transaction is outdated' }],
  ['passing', { code: 1013, message: 'Transaction Already Imported' }],
  ['passing', { code: 1014, message: 'Priority is too low: (0 vs 0)' }],
])('a judgement on the %s: %j', (judgement, answer) => {
  expect(rejectionKind(poolRejection(CALL, new RpcError(answer), 425))).toBe(judgement);
});

test('what a block holds is a judgement on the call', () => {
  expect(rejectionKind(dispatchRejection(CALL, { section: 'subtensorModule', name: 'DuplicateUids' }))).toBe('call');
});
