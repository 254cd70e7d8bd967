#!/usr/bin/env node
/**
 * The launcher, and the one CommonJS file: what it sets is read once, before the first ES module has loaded.
 *
 * Name lookups run on libuv's pool, which has four threads, of which lookups may take two; and while one runs, the process
 * cannot exit. A silent name server holds a lookup for ten seconds by the C library's default; no check waits so long.
 * The compile cache halves the time to start. `DEBUG` makes drivers print what they send, passwords among it.
 */
process.env.UV_THREADPOOL_SIZE ??= '32'
process.env.RES_OPTIONS ??= 'timeout:1 attempts:2'
delete process.env.DEBUG
process.getBuiltinModule('node:module').enableCompileCache()
void import('./cli.ts')
