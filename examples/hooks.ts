/**
 * The operator's code: who may log in, and what VRFY says.
 *
 * `hooks.module = "examples/hooks.ts"` in the configuration has Postern ask it.
 * SIGHUP loads it again. docs/auth.md tells what a hook may answer.
 *
 * @module
 */

import type { Hooks } from "@postern/smtpd";

/** Stands for whatever knows your users: a database, a directory, a file. */
const PASSWORDS = new Map([["ann", "correct horse"], [
  "bob",
  "battery staple",
]]);

/** What says whose a token is: OpenID Connect's "userinfo". */
const USERINFO_URL = "https://login.example.org/userinfo";

/** The hooks. */
const hooks: Hooks = {
  async auth(session, { user, token }, { signal }) {
    if (token !== undefined) return await owns(user, token, signal);
    // What is known here may be checked under every mechanism that way.
    const password = PASSWORDS.get(user);
    if (password !== undefined) return { password };
    // Nothing: the users' file has the last word, if there is one.
    if (session.isLocal) return undefined;
    return "535 5.7.8 Nobody of that name logs in from there";
  },

  vrfy(session, text) {
    // Who is here is nothing for strangers; they get the usual 252.
    if (!session.isLocal) return undefined;
    const [user = ""] = text.replaceAll(/[<>]/g, "").split("@");
    return PASSWORDS.has(user)
      ? `250 2.1.5 <${user}@example.org>`
      : "550 5.1.1 Nobody";
  },
};

/** Whether the token is good, and the user's own. What is thrown means "later". */
async function owns(
  user: string,
  token: string,
  signal: AbortSignal,
): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(USERINFO_URL, { headers, signal });
  const { email } = await response.json();
  return response.ok && email === user;
}

export default hooks;
