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
import { isSaid, type Step } from "../transcript/steps.ts";
import { scramVerifier } from "./scram.ts";
import { variablesOf } from "./step_template.ts";

/** The account that there is always. */
export const STAND_IN = "user:secret";

/** What stands for a pair that nobody gave, and that is not to be right. */
const WRONG = "user:wrong";

/** What nobody has, so that nothing fits. */
const NOBODYS = new Secret(crypto.randomUUID());

const ACCEPTED = { type: "accepted" } as const;
const REFUSED: Refusal = { type: "refused", problem: "credentials" };

/** Which `${secret:…}` are accounts: `auth`, `auth2`; others log in in vain. */
const ACCOUNT = /^auth\d*$/;

/** Whether a secret of that name is an account. */
function isAccount(name: string): boolean {
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

/** The values of a conversation's secrets: those given, and something for others. */
export function secretsOf(
  steps: readonly Step[],
  given: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const values = new Map(given);
  for (const { name, secret } of steps.filter(isSaid).flatMap(variablesOf)) {
    const word = name.slice("secret:".length).toLowerCase();
    const owner = word.replace(/_(?:user|password)$/, "");
    if (secret && !values.has(word) && !values.has(owner)) {
      values.set(owner, isAccount(owner) ? STAND_IN : WRONG);
    }
  }
  return values;
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
