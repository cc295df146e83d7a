/**
 * Conversations from files, played: against Postern in memory, against Postern's
 * own client, or against any SMTP server, and as tests.
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
 * @module
 */

export type { Parsed } from "../engine/path.ts";
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
export type { Failure, Played } from "../replay/played.ts";
export { ALL_SPLITS, replay, type ReplayOptions } from "./replay.ts";
export { readSecrets } from "../replay/secrets.ts";
export { parseSplit, type Split, type Way } from "../replay/splits.ts";
