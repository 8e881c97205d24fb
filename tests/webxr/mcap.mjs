// Reads a recording as Foxglove does: with its own MCAP reader, every message checked against the
// schema in the file and, where that is one of Foxglove's, against Foxglove's own. Used by
// tests/bridge/test_recording_foxglove.py: a file's name in, a summary as JSON out.

import { readFileSync } from "node:fs";

import foxglove from "@foxglove/schemas/jsonschema.js";
import { McapIndexedReader } from "@mcap/core";
import Ajv from "ajv";
import lz4 from "lz4js";

const file = readFileSync(process.argv[2]);
const reader = await McapIndexedReader.Initialize({
  readable: {
    size: async () => BigInt(file.length),
    read: async (offset, length) =>
      new Uint8Array(file.subarray(Number(offset), Number(offset + length))),
  },
  decompressHandlers: { lz4: (bytes) => lz4.decompress(bytes) },
});

const ajv = new Ajv({ strict: false, allErrors: true });
const official = new Map(Object.values(foxglove).map((schema) => [schema.title, schema]));
const checks = new Map();
for (const [id, { name, encoding, data }] of reader.schemasById) {
  if (encoding !== "jsonschema") throw new Error(`schema ${name}: ${encoding}`);
  const own = ajv.compile(JSON.parse(new TextDecoder().decode(data)));
  const theirs = name.startsWith("foxglove.") ? official.get(name) : undefined;
  if (name.startsWith("foxglove.") && !theirs) throw new Error(`${name}: not one of Foxglove's`);
  checks.set(id, { name, own, theirs: theirs && ajv.compile(theirs) });
}

const counts = {};
const wrong = [];
for await (const message of reader.readMessages()) {
  const channel = reader.channelsById.get(message.channelId);
  const { name, own, theirs } = checks.get(channel.schemaId);
  const value = JSON.parse(new TextDecoder().decode(message.data));
  counts[name] = (counts[name] ?? 0) + 1;
  if (channel.messageEncoding !== "json") wrong.push(`${channel.topic}: ${channel.messageEncoding}`);
  for (const check of [own, theirs]) {
    if (check && !check(value)) wrong.push(`${channel.topic}: ${ajv.errorsText(check.errors)}`);
  }
  for (const key of Object.keys(theirs?.schema.properties ?? {})) {
    if (!(key in value)) wrong.push(`${channel.topic}: ${name} without ${key}`);
  }
}
console.log(JSON.stringify({ counts, wrong: [...new Set(wrong)], known: official.size }));
