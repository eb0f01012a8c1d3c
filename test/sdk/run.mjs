// Runs the table with the SDK of one module, in front of each provider of
// UPSTREAMS, and prints a line of JSON for every check that ran.
import assert from "node:assert/strict";
import { both, kept, streamed, whole } from "./table.mjs";

const sdks = (await import(`./${process.argv[2]}.mjs`)).default;

async function check(sdk, upstream, name, body, stream) {
  const ask = ({ provider = upstream, model, ...more }) => sdk.run({ user: "What is the weather in Paris?", stream, heard() {}, model: `${provider}/${model}`, ...more });
  const raises = async (work, status) => {
    const e = await work.then(() => assert.fail(`answered; want status ${status}`), (e) => e);
    assert.ok(sdk.raised(e, status), `want status ${status}, raised: ${e.stack}`);
  };
  const broken = async (ask, model) => {
    const heard = [];
    const e = await ask({ model, heard: (piece) => heard.push(piece) }).then(() => assert.fail("a broken stream looked whole"), (e) => e);
    // Some raise the error as the stream had it, some that the connection broke.
    assert.match(String(e?.message ?? e), /the stream (broke|ended)|The server had an error|^terminated$/, `raised ${JSON.stringify(e)}: ${e?.stack}`);
    assert.ok(heard.join("").length > 0, "nothing was heard before the break");
  };
  let error;
  try {
    await body({ sdk, upstream, stream, ask, raises, broken });
  } catch (e) {
    error = String(e?.stack ?? e);
  }
  console.log(JSON.stringify({ sdk: sdk.name, upstream, check: stream ? `${name}, streamed` : name, error }));
}

for (const sdk of sdks) {
  for (const upstream of process.env.UPSTREAMS.split(",")) {
    const ids = sdk.kept ? kept : {};
    for (const [stream, table] of [[false, { ...both, ...whole, ...ids }], [true, { ...both, ...streamed, ...ids }]]) {
      for (const [name, body] of Object.entries(table)) {
        if (!(sdk.without ?? []).includes(name)) await check(sdk, upstream, name, body, stream);
      }
    }
  }
}
