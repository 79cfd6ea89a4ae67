// Walks `@polkadot/api` through what any dapp does: it connects, decodes a block, and sends a transfer that is finalized.
//
//     STOA_WS=ws://127.0.0.1:9944 node polkadot_js.mjs
//
// Needs `//Alice` funded, as on a development network. Exits with 1 at the first thing that is not as it should be.

import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { cryptoWaitReady } from '@polkadot/util-crypto';

const TAO = 1_000_000_000n;

function check(holds, what) {
  console.log(`${holds ? 'ok  ' : 'FAIL'} polkadot.js ${what}`);
  if (!holds) process.exit(1);
}

/** Sends a transfer and resolves with its block once that is final. */
function finalized(transfer, sender) {
  return new Promise((resolve, reject) => {
    transfer
      .signAndSend(sender, ({ status, dispatchError }) => {
        if (dispatchError) reject(new Error(dispatchError.toString()));
        else if (status.isFinalized) resolve(status.asFinalized);
        else if (status.isInvalid || status.isDropped || status.isUsurped) reject(new Error(status.type));
      })
      .catch(reject);
  });
}

async function free(api, address) {
  return (await api.query.system.account(address)).data.free.toBigInt();
}

async function main() {
  await cryptoWaitReady();
  const provider = new WsProvider(process.env.STOA_WS ?? 'ws://127.0.0.1:9944');
  const api = await ApiPromise.create({ provider, throwOnConnect: true, noInitWarn: true });
  check(api.runtimeVersion.specName.toString() === 'node-subtensor', `connects: ${api.runtimeVersion.specName}`);

  const header = await new Promise((resolve, reject) => {
    api.rpc.chain.subscribeNewHeads(resolve).catch(reject);
  });
  check(header.number.toNumber() > 0, `follows new heads: block ${header.number}`);

  const block = (await api.rpc.chain.getBlock(header.hash)).block;
  const calls = block.extrinsics.map(({ method }) => `${method.section}.${method.method}`);
  check(calls.includes('timestamp.set'), `decodes block ${block.header.number}: ${calls}`);

  const keyring = new Keyring({ type: 'sr25519' });
  const alice = keyring.addFromUri('//Alice');
  const receiver = keyring.addFromUri(`//Alice/polkadot-js/${Date.now()}`).address;
  const transfer = api.tx.balances.transferKeepAlive(receiver, 3n * TAO);
  const { partialFee } = await transfer.paymentInfo(alice);
  check(partialFee.toBigInt() > 0n, `asks for the fee: ${partialFee} rao`);
  const hash = await finalized(transfer, alice);
  check((await free(api, receiver)) === 3n * TAO, `sends a transfer, final in ${hash}`);

  const at = await api.at(hash);
  const events = (await at.query.system.events()).map(({ event }) => `${event.section}.${event.method}`);
  check(events.includes('balances.Transfer'), `decodes the block's ${events.length} events`);

  const subnets = await api.query.subtensorModule.networksAdded.entries();
  check(subnets.length > 0, `reads a storage map: ${subnets.length} subnets`);
  await api.disconnect();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`polkadot.js: ${error.message}`);
    process.exit(1);
  },
);
