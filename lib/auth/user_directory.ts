/**
 * Who may log in: the operator's hook is asked first, and where it has nothing to
 * say the users' file.
 *
 * The rule: an unknown user costs and shows what a known one does (see
 * users_file.ts); passwords are hashed a few at a time. Tokens only a hook can
 * judge.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import {
  type AuthAnswer,
  type HookCalls,
  HookError,
  type HookSession,
} from "../hooks.ts";
import { isTokenMechanism, type SaslMechanism } from "../sasl/mechanism.ts";
import { preparePassword } from "../sasl/prepare.ts";
import type { Login, Refusal, Users } from "../sasl/users.ts";
import {
  DEFAULT_ITERATIONS,
  deriveVerifier,
  type Verifier,
  verifyPassword,
} from "../sasl/verifier.ts";
import { Secret } from "../secret.ts";
import { HashQueue } from "./hash_queue.ts";
import { UsersFile } from "./users_file.ts";
import { veil } from "./veil.ts";

/** What a directory looks into. */
export interface UserDirectoryOptions {
  /** `auth.users_file`, where there is one. */
  readonly file?: UsersFile | undefined;
  /** The hooks, where there are some. */
  readonly hooks?: HookCalls | undefined;
  /** Has the hashing wait; by default all of the process share one. */
  readonly queue?: HashQueue | undefined;
}

const ACCEPTED = { type: "accepted" } as const;
const REFUSED: Refusal = { type: "refused", problem: "credentials" };
const UNAVAILABLE: Refusal = { type: "refused", problem: "unavailable" };

/** One for the process: reloading must not double what is computed at once. */
const SHARED_QUEUE = new HashQueue();

/** Those who may log in; one for a server, made anew at a reload. */
export class UserDirectory {
  readonly #file: UsersFile;
  readonly #hooks: HookCalls | undefined;
  readonly #queue: HashQueue;

  /** @param options Where users are known. */
  constructor(options: UserDirectoryOptions) {
    this.#file = options.file ?? new UsersFile();
    this.#hooks = options.hooks?.has("auth") ? options.hooks : undefined;
    this.#queue = options.queue ?? SHARED_QUEUE;
  }

  /** Those of the configured mechanisms by which somebody could log in. */
  mechanisms(configured: readonly SaslMechanism[]): readonly SaslMechanism[] {
    if (this.#hooks !== undefined) return configured;
    return configured.filter((mechanism) =>
      mechanism === "CRAM-MD5"
        ? this.#file.hasPasswords
        : this.#file.size > 0 && !isTokenMechanism(mechanism)
    );
  }

  /**
   * The users as one session asks for them.
   *
   * @param session Gives what the hook is told, at each login
   * @param report Is given what a hook did wrong, for the log
   */
  forSession(
    session: () => HookSession,
    report: (error: HookError) => void,
  ): Users {
    const ask = (login: Login, signal: AbortSignal) =>
      this.#askHook(session(), login, report, signal);
    return {
      check: async (login, signal) => {
        const said = await ask(login, signal);
        if (said === undefined) return await this.#checkInFile(login, signal);
        if (said.type !== "password") return said;
        return isSame(said.password, login.password) ? ACCEPTED : REFUSED;
      },
      password: async (login, signal) => {
        const said = await ask(login, signal) ?? this.#file.find(login.user);
        if (said.type === "refused" || said.type === "password") return said;
        if (said.type === "accepted") return blind(login, report);
        // Nobody has it, so that nothing fits.
        return { type: "password", password: new Secret(crypto.randomUUID()) };
      },
      verifier: async (login, signal) => {
        const said = await ask(login, signal) ?? this.#file.find(login.user);
        if (said.type === "refused" || said.type === "verifier") return said;
        if (said.type === "accepted") return blind(login, report);
        const verifier = await this.#queue.run(
          () => this.#derive(said.password, login.user),
          signal,
        );
        return verifier === undefined
          ? UNAVAILABLE
          : { type: "verifier", verifier };
      },
    };
  }

  async #askHook(
    session: HookSession,
    login: Login,
    report: (error: HookError) => void,
    signal: AbortSignal,
  ): Promise<
    | Refusal
    | typeof ACCEPTED
    | { type: "password"; password: Secret }
    | undefined
  > {
    if (this.#hooks === undefined) return undefined;
    const { mechanism, user, password, token } = login;
    let answer: AuthAnswer;
    try {
      answer = await this.#hooks.auth(session, {
        mechanism,
        user,
        ...password === undefined ? {} : { password: password.reveal() },
        ...token === undefined ? {} : { token: token.reveal() },
      }, signal);
    } catch (error) {
      if (!(error instanceof HookError)) throw error;
      const shown = password ?? token;
      report(shown === undefined ? error : veil(error, shown));
      return UNAVAILABLE;
    }
    switch (answer?.type) {
      case undefined:
        return undefined;
      case "accepted":
        return ACCEPTED;
      case "refused":
        return {
          ...REFUSED,
          ...answer.reply === undefined ? {} : { reply: answer.reply },
        };
      case "password": {
        const prepared = preparePassword(answer.password);
        if (prepared === undefined || isTokenMechanism(mechanism)) {
          report(
            new HookError(
              `Cannot use the password that hook "auth" gave for ${mechanism}: expected 1 to 1,024 bytes without control characters, and none for a token`,
            ),
          );
          return UNAVAILABLE;
        }
        return { type: "password", password: new Secret(prepared) };
      }
    }
  }

  async #checkInFile(
    login: Login,
    signal: AbortSignal,
  ): Promise<Refusal | typeof ACCEPTED> {
    const { user, password } = login;
    if (password === undefined) return REFUSED;
    const entry = this.#file.find(user);
    const isRight = await this.#queue.run(async () => {
      if (entry.type === "verifier") {
        return await verifyPassword(password.reveal(), entry.verifier);
      }
      // Only for the time it takes: as for those who have a hash.
      await this.#derive(password, user);
      return isSame(entry.password, password);
    }, signal);
    if (isRight === undefined) return UNAVAILABLE;
    return isRight ? ACCEPTED : REFUSED;
  }

  #derive(password: Secret, user: string): Promise<Verifier> {
    const salt = this.#file.saltOf(user);
    return deriveVerifier(password.reveal(), salt, DEFAULT_ITERATIONS);
  }
}

/** Whether two secrets are the same, in a time that does not tell how far. */
function isSame(a: Secret, b: Secret | undefined): boolean {
  const digest = (secret: Secret) =>
    createHash("sha256").update(secret.reveal()).digest();
  return b !== undefined && timingSafeEqual(digest(a), digest(b));
}

/** The hook accepted what it has not seen: whoever says that name would be let in. */
function blind(login: Login, report: (error: HookError) => void): Refusal {
  report(
    new HookError(
      `Cannot take the word of hook "auth" under ${login.mechanism}, where it does not see the password: expected { password: "…" } or a refusal`,
    ),
  );
  return UNAVAILABLE;
}
