/**
 * Conversations from files, played: against Postern in memory, against Postern's
 * own client, against any SMTP server, or against any client, and as tests.
 *
 * {@linkcode replayFolder} registers a `Deno.test` for each transcript of a
 * folder; {@linkcode replay} plays one; {@linkcode parseTranscript} and
 * {@linkcode formatTranscript} read and write them.
 *
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { parseTranscript, replay } from "@postern/smtpd/replay";
 *
 * const text = `# A client says only goodbye
 * S~ 220 .*
 * C: QUIT
 * S~ 221 .*
 * == close
 * `;
 * const parsed = parseTranscript(text, "goodbye.txt");
 * assert(parsed.ok);
 * const { failure } = await replay(parsed.value);
 * assertEquals(failure, undefined);
 * ```
 *
 * {@linkcode ListeningServer} plays the server's part to any client:
 *
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import {
 *   ListeningServer,
 *   parseTranscript,
 *   replay,
 * } from "@postern/smtpd/replay";
 *
 * const text = `# Nobody is served
 * S: 554 5.3.2 mx.example.org closes
 * == close
 * `;
 * const parsed = parseTranscript(text, "closed.txt");
 * assert(parsed.ok);
 * const listen = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
 * const options = { listen, timeoutMs: 10_000 };
 * await using listening = await ListeningServer.listen(options);
 * const playing = replay(parsed.value, { as: "relay", listening });
 * assert(listening.address.transport === "tcp");
 * using client = await Deno.connect({ port: listening.address.port });
 * assertEquals((await playing).failure, undefined);
 * ```
 *
 * @module
 */

export type { ListenAddress, TcpAddress, UnixAddress } from "../address.ts";
export type { Parsed } from "../engine/path.ts";
export { type ListeningOptions, ListeningServer } from "../live/listening.ts";
export {
  formatProblem,
  type ParsedTranscript,
  parseTranscript,
  type Problem,
} from "../transcript/parse.ts";
export { formatStep, formatTranscript } from "../transcript/print.ts";
export {
  type Notation,
  type Reading,
  readTranscripts,
} from "../transcript/reading.ts";
export type {
  AbsentStep,
  BytesStep,
  Checker,
  DeliveredStep,
  End,
  EndStep,
  Expectation,
  LineStep,
  MessagePart,
  MessageStep,
  NothingStep,
  PrefixStep,
  RegexStep,
  Relay,
  Said,
  SaidStep,
  Setting,
  Step,
  TlsStep,
  Transcript,
  WaitStep,
  Wire,
  Written,
} from "../transcript/steps.ts";
export type { Template, Variable } from "../transcript/template.ts";
export { type FolderOptions, replayFolder } from "./folder.ts";
export type { Amendment, Mismatch } from "../replay/mismatch.ts";
export {
  type Mutated,
  mutateInMemory,
  type MutationFailure,
  type MutationSettings,
} from "../mutation/mutations.ts";
export type { Failure, Played, PlaySettings } from "../replay/played.ts";
export { ALL_SPLITS, replay, type ReplayOptions } from "./replay.ts";
export { readSecrets } from "../replay/secrets.ts";
export { parseSplit, type Split, type Way } from "../replay/splits.ts";
