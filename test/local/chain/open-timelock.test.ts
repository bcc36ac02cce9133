import { expect, test } from 'vitest';
import { openTimelock } from '../../../src/local/chain/open-timelock.ts';

// Round 1000 of drand's quicknet. The ciphertext was made with the key 02…02, sigma 03…03 and the nonce 04…04, and opened
// by the npm package @ideallabs/timelock_wasm_wrapper 1.0.0, which is Subtensor's `tle` crate.
const SIGNATURE = 'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39';
const CIPHERTEXT = [
  'ab9e1293fa46ff926f45be6a0685558e6234138124e5868b9c507d4ee88b672fa30b2594df61f84562876be964a8f6b0',
  '0bf206edf264eee42b381f8b4302b4182c7e0c7587ddd2c96f30ce5a44e3ed65a16e516d48015891e9936d51bd5a137b',
  '2000000000000000d5bb87ad3dd71da03886c1c9604c172465bcb7676d10b88993073b037aa32cc5',
  '20000000000000006688a7c77bf932f188f546db7f6cca42c5ab1075a69ba2d582f1e5334cc80b09',
  '630000000000000047000000000000008498e49d395e6d89813fc3fa0b47b039cd30f54cdaaed7b65d586e5d2c1e647b',
  '4fb23621cc73175902ada6fde0a113b93f320db2fa141118786d4cf9c706a368c840079904e796',
  '0c0000000000000004040404040404040404040408000000000000004145535f47434d5f',
].join('');
const PLAINTEXT =
  '80d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d0c0000010005000c6400c800ffff509e980000000000';

const hex = (text: string) => Buffer.from(text, 'hex');

test('a ciphertext of the `tle` crate is opened by the signature of its round', () => {
  const opened = openTimelock(hex(CIPHERTEXT), hex(SIGNATURE));
  expect(Buffer.from(opened!).toString('hex')).toBe(PLAINTEXT);
});

test('nothing opens it after a byte was changed, cut off or taken from elsewhere', () => {
  const bytes = hex(CIPHERTEXT);
  // One byte of every part: the point, both masks, the text, its tag, the nonce, the suite.
  for (const place of [10, 110, 150, 210, 250, 275, 298]) {
    const changed = Buffer.from(bytes);
    changed[place]! ^= 1;
    expect(openTimelock(changed, hex(SIGNATURE)), `byte ${place}`).toBeNull();
  }
  expect(openTimelock(bytes.subarray(0, 200), hex(SIGNATURE))).toBeNull();
  expect(openTimelock(hex(''), hex(SIGNATURE))).toBeNull();
  expect(openTimelock(bytes, hex(SIGNATURE).fill(0))).toBeNull();
});
