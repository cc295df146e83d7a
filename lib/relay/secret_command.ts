/**
 * A password or token that a command prints: `relay.password_command`.
 *
 * The command is a line for `sh`, as the operator wrote it; it runs when the
 * secret is needed first, and again when the relay has refused what it gave.
 * The first line that it prints is the secret. What it says on standard error
 * is told, cut and cleaned, where it fails.
 *
 * @module
 */

import { SecretError, type SecretSource } from "../sasl/secret_source.ts";
import { Secret } from "../secret.ts";
import { KeptSecret, type Obtained } from "./kept_secret.ts";

/** How long a command may take, in ms: password managers may have to unlock. */
export const SECRET_COMMAND_TIMEOUT_MS = 30_000;

/** Longest secret, in bytes: tokens have some thousand. */
export const MAX_SECRET_BYTES = 16_384;

/** Most of standard error that is told, in characters. */
const MAX_COMPLAINT_CHARS = 200;

/** What may be given beside the command. */
export interface CommandSecretOptions {
  /**
   * What it prints.
   * @default {"password"}
   */
  readonly kind?: "password" | "token";
  /**
   * How long it may take, in ms.
   * @default {SECRET_COMMAND_TIMEOUT_MS}
   */
  readonly timeoutMs?: number;
  /** The clock, in ms. */
  readonly now?: () => number;
}

/**
 * A secret that a command prints.
 *
 * @param command A line for `sh`
 */
export function commandSecret(
  command: string,
  options: CommandSecretOptions = {},
): SecretSource {
  const { kind = "password", timeoutMs = SECRET_COMMAND_TIMEOUT_MS, now } =
    options;
  return new KeptSecret(
    kind,
    (signal) => runCommand(command, signal),
    timeoutMs,
    now,
  );
}

async function runCommand(
  command: string,
  signal: AbortSignal,
): Promise<Obtained> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("sh", {
      args: ["-c", command],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A process group of its own: what the shell starts is ended with it.
      detached: true,
    }).spawn();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SecretError(`Cannot run the password command: ${reason}`, {
      cause,
    });
  }
  const over = new AbortController();
  const kill = () => {
    over.abort();
    try {
      Deno.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  const printed = readStart(child.stdout, MAX_SECRET_BYTES + 1, over.signal);
  const complained = readStart(child.stderr, MAX_COMPLAINT_CHARS, over.signal);
  try {
    const [status, out] = await Promise.all([child.status, printed]);
    // An agent that the command has started may hold on to standard error, so
    // it is waited for only where there is something to be told.
    const isGood = status.success && out !== "";
    const complaint = isGood ? "" : await complained;
    signal.throwIfAborted();
    return { secret: toSecret(status, out, complaint) };
  } finally {
    signal.removeEventListener("abort", kill);
    over.abort();
    await complained;
  }
}

function toSecret(
  status: Deno.CommandStatus,
  out: string,
  complaint: string,
): Secret {
  const said = complaint.split("\n")[0]!.replace(/[^\x20-\x7e]/g, "?").trim();
  const words = said === "" ? "" : ` (${said})`;
  if (!status.success) {
    const how = status.signal ?? `exit status ${status.code}`;
    throw new SecretError(`Password command failed: ${how}${words}`);
  }
  const line = out.split("\n")[0]!.replace(/\r$/, "");
  if (line === "") {
    throw new SecretError(
      `Password command printed nothing: expected the secret in its first line${words}`,
    );
  }
  if (line.length > MAX_SECRET_BYTES || /[\0\r]/.test(line)) {
    throw new SecretError(
      `Cannot use what the password command printed: expected one line of at most ${MAX_SECRET_BYTES} bytes`,
    );
  }
  return new Secret(line);
}

/** A stream's first bytes; the rest is read too, so that its writer gets to the end. */
async function readStart(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  over: AbortSignal,
): Promise<string> {
  const reader = stream.getReader();
  const stop = () => void reader.cancel();
  over.addEventListener("abort", stop, { once: true });
  const decoder = new TextDecoder();
  let text = "";
  let left = maxBytes;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= Math.min(left, value.length);
  }
  over.removeEventListener("abort", stop);
  return text + decoder.decode();
}
