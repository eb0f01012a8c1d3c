// The table of cases that every SDK passes in front of every kind of provider.
//
// An SDK is an object with a name and
//   run(ask)    asks once, runs the tools that the model calls until it answers in
//               text, and returns {text, reasoning, finish, steps, usage}: finish is
//               stop, length or refusal, steps the calls {id, name, args} of each
//               round, usage {input, cached, output, reasoning} of the last answer.
//               It raises whatever the SDK raises.
//   raised(e, status)  whether e is the SDK's own error for that status
//   left(e)            whether e is what the SDK raises when its caller aborts
//   models()           the ids that it lists
//   count(model, user) how many tokens that is, where it can ask
//   iterate({model, heard})  reads a stream without the SDK's helpers, where it has
//               any: nobody but the iteration itself can tell that it broke
//   format      the format that it speaks
//   without     the cases that its format has no words for
//   next, kept  of a format that goes on from answers by their ids: asks with what is
//               new, and the resource by which answers are read and deleted
//   shows       the upstreams whose reasoning it shows; OpenAI's Chat Completions
//               show none, and their clients don't ask others for it
// and ask is {model, user, image, tools, schema, max, stop, think, signal, stream,
// heard, key}: tools by name, each {description, schema, run}; heard takes the
// pieces of text as they come.
import assert from "node:assert/strict";

export const { BASE, KEY, SIM } = process.env;

// The names of real models make the simulated vendors ask for what they really
// ask for, above all their reasoning back.
const thinker = { chat: "gpt-5.4-mini", messages: "claude-sonnet-4-5", responses: "gpt-5.4", gemini: "gemini-3-pro" };

const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const nothing = { type: "object", properties: {}, additionalProperties: false };
// 1×1 pixels.
export const image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const weather = (ran) => ({
  get_weather: {
    description: "The weather of a city", schema: city,
    run: (args) => {
      ran.push(args);
      return `sunny, ${20 + ran.length} degrees`;
    },
  },
});

async function management(path) {
  const answer = await fetch(`${BASE}/api/v1/${path}`, { headers: { authorization: `Bearer ${KEY}` } });
  assert.equal(answer.status, 200);
  return answer.json();
}

// received is what the simulated provider was sent for a model while work ran, once
// that are count requests: it notes them when they are answered.
async function received(model, count, work) {
  assert.equal((await fetch(`${SIM}/sim/requests`, { method: "DELETE" })).status, 204);
  await work();
  for (let n = 0; ; n++) {
    const sent = (await (await fetch(`${SIM}/sim/requests`)).json()).filter((r) => r.model === model);
    if (sent.length >= count) return sent;
    assert.ok(n < 100, `${sent.length} requests for ${model}, want ${count}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

// recorded waits for the newest turn to be the one that good says it is.
async function recorded(good) {
  for (let n = 0; ; n++) {
    const [turn] = (await management("turns?limit=1")).data;
    if (turn && good(turn)) return turn;
    assert.ok(n < 100, `the newest turn is ${JSON.stringify(turn)}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

// Each takes ask, which runs a request of the SDK, and what it may need besides.
// Those under both run whole and streamed.
export const both = {
  async "text"({ ask }) {
    const heard = [];
    const a = await ask({ model: "sim-n3", heard: (piece) => heard.push(piece) });
    const bytes = Buffer.byteLength(a.text);
    assert.ok(bytes > 44 && bytes <= 48, `${bytes} bytes of text, want three pieces of 16`);
    assert.equal(heard.join(""), a.text);
    assert.equal(a.finish, "stop");
    assert.ok(a.usage.input > 0 && a.usage.output === Math.ceil(bytes / 4), JSON.stringify(a.usage));
  },
  async "text and tools"({ ask }) {
    const ran = [];
    const heard = [];
    const a = await ask({ model: "sim-tools1-mix", tools: weather(ran), heard: (piece) => heard.push(piece) });
    assert.ok(heard.join("").startsWith("I'll look that up. "), heard.join(""));
    assert.deepEqual(a.steps.map((calls) => calls.map((c) => c.name)), [["get_weather"]]);
    assert.ok(ran.length === 1 && typeof ran[0].city === "string" && ran[0].city !== "", JSON.stringify(ran));
    assert.ok(a.text && a.finish === "stop");
  },
  async "parallel tools and their results"({ ask, sdk, upstream }) {
    const ran = [];
    let a;
    const sent = await received("sim-tools2-par3", 3, async () => (a = await ask({ model: "sim-tools2-par3", tools: weather(ran) })));
    assert.deepEqual(a.steps.map((calls) => calls.length), [3, 3]);
    const ids = a.steps.flat().map((c) => c.id);
    // Older models of Gemini's give their calls no ids.
    if (sdk.format !== upstream || upstream !== "gemini") {
      assert.ok(ids.every((id) => typeof id === "string" && id), String(ids));
      assert.equal(new Set(ids).size, 6, String(ids));
    }
    assert.equal(ran.length, 6);
    assert.ok(a.text && a.finish === "stop");
    assert.equal(sent.length, 3, `${upstream} was asked ${sent.length} times`);
    let at = -1;
    for (let n = 1; n <= 6; n++) {
      const next = sent[2].body.indexOf(`sunny, ${20 + n} degrees`);
      assert.ok(next > at, `result ${n} at ${next}, the one before at ${at}: ${sent[2].body}`);
      at = next;
    }
  },
  async "tool without arguments"({ ask }) {
    let ran = 0;
    const now = { now: { description: "What time it is", schema: nothing, run: (args) => (assert.deepEqual(args, {}), ran++, "noon") } };
    const a = await ask({ model: "sim-tools1-noargs", tools: now });
    assert.deepEqual(a.steps.map((calls) => calls.map((c) => [c.name, c.args])), [[["now", {}]]]);
    assert.equal(ran, 1);
    assert.ok(a.text);
  },
  async "reasoning over a tool turn"({ ask, upstream, sdk }) {
    const ran = [];
    // The provider refuses a round whose reasoning is missing or altered.
    const a = await ask({ model: `${thinker[upstream]}-sim-think-tools2-par2`, tools: weather(ran), think: true, max: 4000 });
    assert.deepEqual(a.steps.map((calls) => calls.length), [2, 2]);
    assert.equal(ran.length, 4);
    assert.ok(a.text);
    if ((sdk.shows ?? []).includes(upstream)) assert.match(a.reasoning, /^First I think: ./);
  },
  async "image"({ ask }) {
    let a;
    const sent = await received("sim-n2", 1, async () => (a = await ask({ model: "sim-n2", image })));
    assert.ok(a.text);
    assert.equal(sent.length, 1);
    assert.ok(sent[0].body.includes(image), sent[0].body);
    assert.ok(sent[0].body.includes("image/png"), sent[0].body);
  },
  async "structured output"({ ask }) {
    const a = await ask({ model: "sim-json", schema: city });
    const object = JSON.parse(a.text);
    assert.deepEqual(Object.keys(object), ["city"]);
    assert.equal(typeof object.city, "string");
  },
  async "length"({ ask }) {
    const a = await ask({ model: "sim-n50", max: 16 });
    assert.equal(a.finish, "length");
    assert.ok(a.text && Buffer.byteLength(a.text) <= 64, a.text);
    assert.equal(a.usage.output, 16);
  },
  async "stop"({ ask, upstream }) {
    const whole = (await ask({ model: "sim-n9" })).text;
    const word = whole.slice(60, 64);
    const a = await ask({ model: "sim-n9", stop: [word] });
    // Responses have no stop sequences; the gateway names what it dropped.
    assert.equal(a.text, upstream === "responses" ? whole : whole.slice(0, whole.indexOf(word)));
    assert.equal(a.finish, "stop");
  },
  async "refusal"({ ask }) {
    const a = await ask({ model: "sim-refuse" });
    assert.equal(a.finish, "refusal");
  },
  async "cached and reasoning tokens"({ ask, upstream, stream }) {
    const long = "What is the weather in Paris? ".repeat(100);
    const a = await ask({ model: `${thinker[upstream]}-sim-think-cached50`, user: long, think: true, max: 4000 });
    const { input, cached, output, reasoning } = a.usage;
    assert.ok(input >= long.length / 4, `input ${input}`);
    assert.ok(Math.abs(cached - input / 2) <= 1, `cached ${cached} of ${input}`);
    assert.ok(reasoning > 0 && reasoning < output, `reasoning ${reasoning} of ${output}`);
    // What the client is told is what the books say.
    const turn = await recorded((turn) => turn.requested_model.endsWith("sim-think-cached50") && turn.provider === upstream && turn.stream === stream);
    assert.deepEqual(
      [turn.input_tokens, turn.cache_read_tokens, turn.output_tokens, turn.reasoning_tokens, turn.usage_quality],
      [input, cached, output, reasoning, "exact"],
    );
  },
  async "errors"({ ask, raises }) {
    for (const [script, status] of [
      ["sim-e400", 400], ["sim-ctx", 400], ["sim-e404", 404], ["sim-e429", 429], ["sim-quota", 429],
      ["sim-e500", 500], ["sim-e503", 503], ["sim-e529", 529], ["sim-reset", 502], ["sim-html", 502],
      // The gateway's own key was refused, not the caller's.
      ["sim-e401", 502], ["sim-e403", 502],
    ]) {
      await raises(ask({ model: script }), status);
    }
  },
  async "unknown model and key"({ ask, raises }) {
    await raises(ask({ model: "/such", provider: "no" }), 404);
    await raises(ask({ model: "sim", key: "nobody-knows-this-key-at-all" }), 401);
  },
};

// Those under kept are for formats that go on from answers by their ids.
export const kept = {
  async "conversation by id"({ sdk, upstream, stream }) {
    const model = `${thinker[upstream]}-sim-think-tools1-par2`;
    const tools = [{ type: "function", name: "get_weather", description: "The weather of a city", parameters: city, strict: false }];
    const say = (more) => sdk.next({ model: `${upstream}/${model}`, stream, tools, reasoning: { effort: "high" }, ...more });
    const first = await say({ input: "What is the weather in Paris?", instructions: "be brief" });
    const calls = first.output.filter((item) => item.type === "function_call");
    assert.equal(calls.length, 2);
    const results = calls.map((c, n) => ({ type: "function_call_output", call_id: c.call_id, output: `sunny, ${20 + n} degrees` }));
    const second = await say({ input: results, previous_response_id: first.id });
    assert.ok(second.output_text && second.status === "completed", JSON.stringify(second));
    let third;
    const sent = await received(model, 1, async () => (third = await say({ input: "And tomorrow?", previous_response_id: second.id })));
    assert.ok(third.output_text, JSON.stringify(third));
    let at = -1;
    for (const words of ["in Paris?", "sunny, 20", "sunny, 21", "And tomorrow?"]) {
      const next = sent[0].body.indexOf(words);
      assert.ok(next > at, `${words} at ${next}: ${sent[0].body}`);
      at = next;
    }
    assert.ok(!sent[0].body.includes("be brief"), sent[0].body);
    // Elsewhere too.
    const other = upstream === "chat" ? "messages" : "chat";
    const fourth = await sdk.next({ model: `${other}/sim-n2`, stream, input: "Thanks", previous_response_id: third.id });
    assert.ok(fourth.output_text, JSON.stringify(fourth));
  },
  async "answers read and deleted"({ sdk, upstream, stream, raises }) {
    const answer = await sdk.next({ model: `${upstream}/sim-n3`, stream, input: "hello", metadata: { of: "a test" } });
    const again = await sdk.kept().retrieve(answer.id);
    assert.equal(again.output_text, answer.output_text);
    assert.deepEqual([again.id, again.status, again.usage, again.metadata], [answer.id, "completed", answer.usage, { of: "a test" }]);
    const items = [];
    for await (const item of sdk.kept().inputItems.list(answer.id)) items.push(item);
    assert.deepEqual(items.map((item) => [item.role, item.content[0].text]), [["user", "hello"]]);
    await sdk.kept().delete(answer.id);
    await raises(sdk.kept().retrieve(answer.id), 404);
    await raises(sdk.kept().delete(answer.id), 404);
    await raises(sdk.next({ model: `${upstream}/sim-n3`, stream, input: "and?", previous_response_id: answer.id }), 400);
    const fleeting = await sdk.next({ model: `${upstream}/sim-n3`, stream, input: "hello", store: false });
    await raises(sdk.kept().retrieve(fleeting.id), 404);
  },
};

export const whole = {
  async "cut upstream"({ ask }) {
    await assert.rejects(ask({ model: "sim-n9-cut3" }), Error);
  },
  async "models and counts"({ sdk, upstream }) {
    const ids = await sdk.models();
    assert.ok(ids.includes(`${upstream}/sim`), String(ids));
    if (sdk.count) assert.ok((await sdk.count(`${upstream}/sim`, "word ".repeat(100))) > 100);
  },
};

export const streamed = {
  async "error in mid-stream"({ ask, broken }) {
    await broken(ask, "sim-n9-err3");
  },
  async "cut upstream"({ ask, broken, sdk, upstream }) {
    await broken(ask, "sim-n9-cut3");
    if (sdk.iterate) await broken(sdk.iterate, `${upstream}/sim-n9-cut3`);
  },
  async "upstream that ends too early"({ ask, broken }) {
    await broken(ask, "sim-n9-end3");
  },
  async "client leaves"({ ask, sdk }) {
    const leave = new AbortController();
    const heard = [];
    await assert.rejects(
      ask({ model: "sim-n5000-d5", signal: leave.signal, heard: (piece) => heard.push(piece) && leave.abort() }),
      (e) => sdk.left(e) || assert.fail(`raised ${e.stack}`),
    );
    assert.ok(heard.length > 0 && heard.length < 100, `${heard.length} pieces`);
    // The provider's work ends with the client's wish for it.
    const turn = await recorded((turn) => turn.requested_model.endsWith("sim-n5000-d5") && turn.status === "canceled");
    assert.ok(turn.output_tokens > 0 && turn.usage_quality === "estimated", JSON.stringify(turn));
  },
};
