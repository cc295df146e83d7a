/**
 * Who may log in to Postern in memory, in the place of a users' file and of the
 * operator's hooks.
 *
 * The rule: whatever is known is known at once, for in memory no time passes.
 * So there is no hashing here but SCRAM's, which is done once for a password.
 *
 * @module
 */

import { UserDirectory } from "../auth/user_directory.ts";
import type { Config } from "../config/config.ts";
import type { Hooks } from "../hooks.ts";
import { isTokenMechanism, type SaslMechanism } from "../sasl/mechanism.ts";
import { prepareUser } from "../sasl/prepare.ts";
import type { Login, Refusal, Users } from "../sasl/users.ts";
import { Secret } from "../secret.ts";
import { scramVerifier } from "./scram_server.ts";

/** The account that there is always. */
export const STAND_IN = "user:secret";

/** What nobody has, so that nothing fits. */
const NOBODYS = new Secret(crypto.randomUUID());

const ACCEPTED = { type: "accepted" } as const;
const REFUSED: Refusal = { type: "refused", problem: "credentials" };

/** Which `${secret:…}` are accounts: `auth`, `auth2`; others log in in vain. */
const ACCOUNT = /^auth\d*$/;

/** Whether a secret of that name is an account. */
export function isAccount(name: string): boolean {
  return ACCOUNT.test(name);
}

/**
 * The accounts among the values of a conversation's secrets.
 *
 * @param values Pairs `USER:PASSWORD` or `USER:TOKEN`, by their names.
 */
export function accountsIn(
  values: ReadonlyMap<string, string>,
): ReadonlyMap<string, Secret> {
  const accounts = new Map<string, Secret>();
  const pairs = [...values].filter(([name]) => isAccount(name));
  for (const pair of [STAND_IN, ...pairs.map(([, value]) => value)]) {
    const colon = pair.indexOf(":");
    const user = prepareUser(pair.slice(0, Math.max(colon, 0)));
    if (user === undefined) continue;
    accounts.set(user, new Secret(pair.slice(colon + 1)));
  }
  return accounts;
}

/** The users of a conversation: those that its configuration would have. */
export class MemoryUsers extends UserDirectory {
  readonly #accounts: ReadonlyMap<string, Secret>;
  readonly #hasFile: boolean;
  readonly #hasHook: boolean;

  /**
   * @param config Says whether there is a users' file, or a hook.
   * @param accounts Passwords, and tokens, by their users.
   */
  constructor(
    { auth, hooks }: Pick<Config, "auth" | "hooks">,
    accounts: ReadonlyMap<string, Secret>,
  ) {
    super({});
    this.#accounts = accounts;
    this.#hasFile = auth.users_file !== "";
    this.#hasHook = hooks.module !== "";
  }

  /** Tokens only a hook can judge; with neither nobody can log in. */
  override mechanisms(
    configured: readonly SaslMechanism[],
  ): readonly SaslMechanism[] {
    if (this.#hasHook) return configured;
    return configured.filter((mechanism) =>
      this.#hasFile && !isTokenMechanism(mechanism)
    );
  }

  /** The same for all sessions. */
  override forSession(): Users {
    const secretOf = ({ user }: Login) => this.#accounts.get(user) ?? NOBODYS;
    return {
      check: (login) => {
        const said = (login.password ?? login.token)?.reveal();
        const isRight = said === secretOf(login).reveal();
        return Promise.resolve(isRight ? ACCEPTED : REFUSED);
      },
      password: (login) =>
        Promise.resolve({ type: "password", password: secretOf(login) }),
      verifier: (login) => {
        const verifier = scramVerifier(secretOf(login).reveal());
        return Promise.resolve({ type: "verifier", verifier });
      },
    };
  }
}

/**
 * The operator's hooks in memory: VRFY knows the accounts.
 *
 * @param accounts Whom there is.
 */
export function memoryHooks(accounts: ReadonlyMap<string, Secret>): Hooks {
  return {
    vrfy: (_session, text) =>
      accounts.has(text) ? `250 2.1.5 ${text}` : undefined,
  };
}
