/**
 * The operator's code: what it is told, what it may answer, and how long it may
 * take.
 *
 * The rule: whatever a hook does, the server goes on. What it throws, an answer
 * that is none and one that is late are a {@linkcode HookError} for the log, and the
 * client hears "try again later".
 *
 * A hook that ignores its signal runs on; nobody waits for it any more.
 *
 * @module
 */

import { REPLIES, type Reply } from "./engine/reply.ts";
import { parseHookReply } from "./hooks/reply.ts";

/** What a hook is told of the session. */
export interface HookSession {
  /** The session's id, as in the log. */
  readonly id: string;
  /** The client's bare address; empty on a Unix socket. */
  readonly client: string;
  /** Whether the client is one of `local.networks`. */
  readonly isLocal: boolean;
  /** How it calls itself in HELO or EHLO; empty before that. */
  readonly helo: string;
  /** How the connection is secured; absent: not. */
  readonly tls?: {
    /** "TLSv1.3". */
    readonly protocol: string;
    /** The cipher's standard name. */
    readonly cipher: string;
    /** The subject of the client's certificate, where it has one that holds. */
    readonly clientSubject?: string;
  };
}

/** Who wants to log in, and with what. */
export interface HookLogin {
  /** "PLAIN", "SCRAM-SHA-256" and so on. */
  readonly mechanism: string;
  /** The user's name. */
  readonly user: string;
  /** Under PLAIN and LOGIN. */
  readonly password?: string;
  /** Under XOAUTH2 and OAUTHBEARER. */
  readonly token?: string;
}

/** What every hook gets as its last argument. */
export interface HookOptions {
  /** Aborted when the time is over or the client has gone. */
  readonly signal: AbortSignal;
}

/** A hook's answer, at once or later. */
export type HookAnswer<T> =
  | T
  | undefined
  | void
  | Promise<T | undefined | void>;

/** The operator's hooks; each may be missing. */
export interface Hooks {
  /**
   * Decides a login. Nothing: `auth.users_file` is looked into. `true` and
   * `false`: accepted, refused. A reply, or its text as `"535 5.7.8 No"`: 2xx
   * accepts, 4xx and 5xx refuse. `{ password }`: the user's password, to be
   * checked; under CRAM-MD5 and SCRAM-SHA-256, where the client does not show
   * its own, nothing else can accept.
   */
  auth?(
    session: HookSession,
    login: HookLogin,
    options: HookOptions,
  ): HookAnswer<boolean | Reply | string | { readonly password: string }>;
  /** Answers VRFY with a reply or its text. Nothing: the usual 252. */
  vrfy?(
    session: HookSession,
    text: string,
    options: HookOptions,
  ): HookAnswer<Reply | string>;
}

/** The hooks that there are. */
export const HOOK_NAMES = [
  "auth",
  "vrfy",
] as const satisfies readonly (keyof Hooks)[];

/** A hook failed: it threw (that is the cause), was late, or answered nonsense. */
export class HookError extends Error {
  /** The class's name. */
  override name = "HookError";
}

/** What the client hears where VRFY's hook failed. */
export const HOOK_FAILED: Reply = REPLIES.localError;

/** What an auth hook says: a verdict, a password to be checked, or nothing. */
export type AuthAnswer =
  | { readonly type: "accepted" }
  | { readonly type: "refused"; readonly reply?: Reply }
  | { readonly type: "password"; readonly password: string }
  | undefined;

/** Calls the operator's hooks, each under a deadline. */
export class HookCalls {
  readonly #hooks: Hooks;
  readonly #timeoutMs: number;

  /**
   * Takes the hooks that there are.
   *
   * @param hooks The operator's
   * @param timeoutMs How long each may take
   */
  constructor(hooks: Hooks, timeoutMs: number) {
    this.#hooks = hooks;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether the operator has that hook. */
  has(name: keyof Hooks): boolean {
    return this.#hooks[name] !== undefined;
  }

  /**
   * Asks about a login.
   *
   * @throws {HookError} For the log. Aborted it rejects with the signal's reason.
   */
  async auth(
    session: HookSession,
    login: HookLogin,
    signal: AbortSignal,
  ): Promise<AuthAnswer> {
    const answer = await this.#call(
      "auth",
      (options) => this.#hooks.auth?.(session, login, options),
      signal,
    );
    if (answer === undefined) return undefined;
    if (answer === true) return { type: "accepted" };
    if (answer === false) return { type: "refused" };
    if (typeof answer === "object" && "password" in answer) {
      const { password } = answer;
      if (typeof password === "string") return { type: "password", password };
    }
    const reply = replyOf("auth", answer);
    return reply.code < 300 ? { type: "accepted" } : { type: "refused", reply };
  }

  /**
   * Asks about VRFY; `undefined`: the usual answer.
   *
   * @throws {HookError} For the log; the client hears {@linkcode HOOK_FAILED}.
   * Aborted it rejects with the signal's reason.
   */
  async vrfy(
    session: HookSession,
    text: string,
    signal: AbortSignal,
  ): Promise<Reply | undefined> {
    const answer = await this.#call(
      "vrfy",
      (options) => this.#hooks.vrfy?.(session, text, options),
      signal,
    );
    return answer === undefined ? undefined : replyOf("vrfy", answer);
  }

  /** Awaits a hook for as long as it may take. */
  async #call<T>(
    name: string,
    call: (options: HookOptions) => HookAnswer<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    signal.throwIfAborted();
    const ended = new AbortController();
    const end = () => ended.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    const late = new HookError(
      `Hook "${name}" took too long: expected an answer within ${this.#timeoutMs} ms`,
    );
    const timer = setTimeout(() => ended.abort(late), this.#timeoutMs);
    const isOver = Promise.withResolvers<never>();
    ended.signal.addEventListener(
      "abort",
      () => isOver.reject(ended.signal.reason),
      { once: true },
    );
    try {
      const answer = (async () => await call({ signal: ended.signal }))();
      return await Promise.race([answer, isOver.promise]) ?? undefined;
    } catch (error) {
      if (ended.signal.aborted) throw ended.signal.reason;
      throw new HookError(`Hook "${name}" threw`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
    }
  }
}

function replyOf(name: string, answer: unknown): Reply {
  const reply = parseHookReply(answer);
  if (reply !== undefined) return reply;
  throw new HookError(
    `Cannot use the answer of hook "${name}": expected nothing, ${
      name === "auth" ? 'true, false, { password: "…" }, ' : ""
    }or a reply as "550 5.7.1 No" with 2xx, 4xx or 5xx`,
  );
}
