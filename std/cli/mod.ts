/**
 * Stand-in for `@std/cli`, for a network where only the npm registry can be
 * reached: what Postern uses of it, and no more.
 */
export * from "./parse_args.ts";
