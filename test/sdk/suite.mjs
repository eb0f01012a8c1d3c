// The official SDKs against a gateway: BASE is its address, KEY its key, UPSTREAM
// the provider to ask for. Every check throws when it fails.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const { BASE, KEY, UPSTREAM } = process.env;
const model = (script) => `${UPSTREAM}/${script}`;
const openai = new OpenAI({ baseURL: `${BASE}/v1`, apiKey: KEY, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: BASE, apiKey: KEY, maxRetries: 0 });
const google = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: BASE } });

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const user = "What is the weather in Paris?";

const checks = {
  async "openai chat"() {
    const a = await openai.chat.completions.create({ model: model("sim-n3"), messages: [{ role: "user", content: user }] });
    assert.ok(a.choices[0].message.content);
    assert.equal(a.choices[0].finish_reason, "stop");
    assert.ok(a.usage.total_tokens > 0);
  },
  async "openai chat, streamed"() {
    const s = openai.chat.completions.stream({ model: model("sim-n3"), stream_options: { include_usage: true }, messages: [{ role: "user", content: user }] });
    const a = await s.finalChatCompletion();
    assert.ok(a.choices[0].message.content);
    assert.ok((await s.totalUsage()).total_tokens > 0);
  },
  async "openai chat, tools"() {
    const tools = [{ type: "function", function: { name: "get_weather", description: "d", parameters: schema } }];
    const messages = [{ role: "user", content: user }];
    for (let turn = 0; turn < 2; turn++) {
      const s = openai.chat.completions.stream({ model: model("sim-tools2-par2"), messages, tools });
      const m = (await s.finalChatCompletion()).choices[0].message;
      assert.equal(m.tool_calls.length, 2);
      // The SDK adds parsed fields of its own, which the vendor refuses back.
      const calls = m.tool_calls.map(({ id, type, function: { name, arguments: args } }) => ({ id, type, function: { name, arguments: args } }));
      messages.push({ role: "assistant", content: m.content, tool_calls: calls });
      for (const c of m.tool_calls) {
        JSON.parse(c.function.arguments);
        messages.push({ role: "tool", tool_call_id: c.id, content: "sunny" });
      }
    }
    const last = await openai.chat.completions.create({ model: model("sim-tools2-par2"), messages, tools });
    assert.ok(last.choices[0].message.content);
  },
  async "openai responses"() {
    const a = await openai.responses.create({ model: model("sim-n3"), input: user, store: false });
    assert.equal(a.status, "completed");
    assert.ok(a.output_text && a.usage.total_tokens > 0);
  },
  async "openai responses, streamed"() {
    const s = openai.responses.stream({ model: model("sim-n3"), input: user, store: false });
    const a = await s.finalResponse();
    assert.ok(a.output_text && a.usage.total_tokens > 0);
  },
  async "openai responses, tools"() {
    const tools = [{ type: "function", name: "get_weather", description: "d", parameters: schema, strict: false }];
    const input = [{ role: "user", content: user }];
    const s = openai.responses.stream({ model: model("sim-tools1"), input, tools, store: false });
    const a = await s.finalResponse();
    const call = a.output.find((i) => i.type === "function_call");
    assert.equal(call.name, "get_weather");
    for (const item of a.output) delete item.parsed_arguments; // the SDK's own, refused back
    input.push(...a.output, { type: "function_call_output", call_id: call.call_id, output: "sunny" });
    const last = await openai.responses.create({ model: model("sim-tools1"), input, tools, store: false });
    assert.ok(last.output_text);
  },
  async "openai models"() {
    const ids = [];
    for await (const m of openai.models.list()) ids.push(m.id);
    assert.ok(ids.some((id) => id.startsWith(`${UPSTREAM}/`)));
  },
  async "openai errors"() {
    await assert.rejects(openai.chat.completions.create({ model: "no/such", messages: [{ role: "user", content: user }] }), OpenAI.NotFoundError);
    await assert.rejects(openai.chat.completions.create({ model: model("sim-e429"), messages: [{ role: "user", content: user }] }), OpenAI.RateLimitError);
    const stranger = new OpenAI({ baseURL: `${BASE}/v1`, apiKey: "nobody-knows-this-key-at-all", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  },
  async "openai, cut stream"() {
    await assert.rejects(openai.chat.completions.stream({ model: model("sim-n9-cut3"), messages: [{ role: "user", content: user }] }).finalChatCompletion());
  },
  async "anthropic messages"() {
    const a = await anthropic.messages.create({ model: model("sim-n3"), max_tokens: 100, messages: [{ role: "user", content: user }] });
    assert.ok(a.content[0].text);
    assert.equal(a.stop_reason, "end_turn");
    assert.ok(a.usage.output_tokens > 0);
  },
  async "anthropic messages, tools streamed"() {
    const tools = [{ name: "get_weather", description: "d", input_schema: schema }];
    const messages = [{ role: "user", content: user }];
    const ask = () => anthropic.messages.stream({ model: model("sim-tools1"), max_tokens: 100, messages, tools }).finalMessage();
    const a = await ask();
    const call = a.content.find((b) => b.type === "tool_use");
    assert.equal(call.name, "get_weather");
    messages.push({ role: "assistant", content: a.content }, { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "sunny" }] });
    assert.ok((await ask()).content.some((b) => b.type === "text" && b.text));
  },
  async "anthropic models and counts"() {
    const page = await anthropic.models.list();
    assert.ok(page.data.length > 0);
    const n = await anthropic.messages.countTokens({ model: model("sim"), messages: [{ role: "user", content: user }] });
    assert.ok(n.input_tokens > 0);
  },
  async "anthropic errors"() {
    const ask = (m) => anthropic.messages.create({ model: m, max_tokens: 10, messages: [{ role: "user", content: user }] });
    await assert.rejects(ask("no/such"), Anthropic.NotFoundError);
    await assert.rejects(ask(model("sim-e429")), Anthropic.RateLimitError);
  },
  async "google generateContent"() {
    const a = await google.models.generateContent({ model: model("sim-n3"), contents: user });
    assert.ok(a.text && a.usageMetadata.totalTokenCount > 0);
  },
  async "google, streamed"() {
    let text = "";
    for await (const c of await google.models.generateContentStream({ model: model("sim-n3"), contents: user })) text += c.text ?? "";
    assert.ok(text);
  },
  async "google, tools"() {
    const config = { tools: [{ functionDeclarations: [{ name: "get_weather", description: "d", parametersJsonSchema: schema }] }] };
    const contents = [{ role: "user", parts: [{ text: user }] }];
    const a = await google.models.generateContent({ model: model("sim-tools1"), contents, config });
    const [call] = a.functionCalls;
    assert.equal(call.name, "get_weather");
    contents.push(a.candidates[0].content, { role: "user", parts: [{ functionResponse: { id: call.id, name: call.name, response: { output: "sunny" } } }] });
    assert.ok((await google.models.generateContent({ model: model("sim-tools1"), contents, config })).text);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (e) {
    failed++;
    console.log(`${UPSTREAM}: ${name}: ${e.stack}`);
  }
}
console.log(`${Object.keys(checks).length} checks`);
process.exit(failed ? 1 : 0);
