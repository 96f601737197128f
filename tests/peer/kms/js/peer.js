// The AWS SDK for JavaScript, driven by lines of JSON: a request a line on stdin, its answer a line on stdout. The SDK is unchanged;
// blobs travel as {"$blob": base64}, times as {"$time": seconds}.
'use strict';
const readline = require('node:readline');

const services = {
  kms: [require('@aws-sdk/client-kms'), 'KMSClient'],
  cloudtrail: [require('@aws-sdk/client-cloudtrail'), 'CloudTrailClient'],
  sts: [require('@aws-sdk/client-sts'), 'STSClient'],
};
const clients = new Map();

function clientOf({ service, endpoint, region, credentials }) {
  const id = JSON.stringify([service, endpoint, region, credentials]);
  if (!clients.has(id)) {
    const [sdk, name] = services[service];
    clients.set(id, new sdk[name]({ endpoint, region, credentials, maxAttempts: 1 }));
  }
  return clients.get(id);
}

function revive(_, value) {
  if (value && typeof value === 'object' && '$blob' in value) return new Uint8Array(Buffer.from(value.$blob, 'base64'));
  if (value && typeof value === 'object' && '$time' in value) return new Date(value.$time * 1000);
  return value;
}

function plain(value) {
  if (value instanceof Uint8Array) return { $blob: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return { $time: value.getTime() / 1000 };
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).filter(([name, one]) => name !== '$metadata' && one !== undefined)
      .map(([name, one]) => [name, plain(one)]));
  }
  return value;
}

// The lists of all pages one behind the other, and the last page's other members.
function merge(pages) {
  const all = {};
  for (const page of pages) {
    for (const [name, value] of Object.entries(page)) {
      all[name] = Array.isArray(value) ? (all[name] ?? []).concat(value) : value;
    }
  }
  return all;
}

async function output(request, input) {
  const client = clientOf(request);
  const [sdk] = services[request.service];
  if (request.pageSize === undefined) {
    return client.send(new sdk[`${request.operation}Command`](input));
  }
  const pages = [];
  for await (const page of sdk[`paginate${request.operation}`]({ client, pageSize: request.pageSize }, input)) pages.push(page);
  return { ...merge(pages), $pages: pages.length };
}

async function answer(line) {
  const request = JSON.parse(line, revive);
  try {
    const made = await output(request, request.input);
    return { output: plain(made), status: made.$metadata?.httpStatusCode };
  } catch (error) {
    // the SDK's own word where the service sent an empty message
    const message = error.message === 'UnknownError' ? '' : error.message;
    return { error: error.name, message, status: error.$metadata?.httpStatusCode };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
})();
