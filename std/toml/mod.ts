/**
 * Stand-in for `@std/toml`, for a network where only the npm registry can be
 * reached: what Postern uses of it, and no more.
 */
export * from "./parse.ts";
