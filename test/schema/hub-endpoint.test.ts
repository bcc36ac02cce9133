import { expect, test } from 'vitest';
import { parseHubEndpoint } from '../../src/schema/hub-endpoint.ts';

test.each([
  ['https://huggingface.co', 'https://huggingface.co'],
  ['https://huggingface.co/', 'https://huggingface.co'],
  ['http://mirror.example:8081/mirrors/api/models/hub//', 'http://mirror.example:8081/mirrors/api/models/hub'],
])('%s is an endpoint', (given, taken) => {
  expect(parseHubEndpoint(given, 'the parameter "endpoint"')).toBe(taken);
});

test.each([
  ['huggingface.co', /^the parameter "endpoint" is no web address\./],
  ['', /^the parameter "endpoint" is no web address\./],
  ['file:///etc/passwd', /^the parameter "endpoint" is no web address\./],
  ['https://ann:SECRET@mirror.example', /^the parameter "endpoint" has a user name or password in it\. (?!.*SECRET)/],
])('%j is none', (given, sentence) => {
  expect(() => parseHubEndpoint(given, 'the parameter "endpoint"')).toThrow(sentence);
});
